-- Claims entries of ~waiting that are due, the longest due first.
--
-- KEYS  1 stream  2 waiting set  3 meta
-- ARGV  1 group  2 consumer  3 how many at most  4, 5 the times between which
--       the server's clock is expected, in ms ('': any)  6 how late an entry
--       may come and still keep its turn, in ms  then ids to leave
-- Reply 1 the server's time in ms, and nothing more if that was not expected
--       2 ms until the next one is due (-1: none)  3 how many were found
--       deleted from the stream  4 the entries: {id, delivery count, fields}
--       5 how many times due times were moved with the clock  6 ids of marked
--       entries, each followed by its mark: the fraction of its due time, in
--       1024ths; the bit of a turn (512) is left out if the entry comes too late
--       for that
-- Only what ~waiting still owns is claimed; each claim adds one delivery.
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
if ARGV[4] ~= '' and (now < tonumber(ARGV[4]) or now > tonumber(ARGV[5])) then
  return {now}
end
local moved = redis.call('HGET', KEYS[3], 'clock:' .. ARGV[1])
local most, late, leave, leaves = tonumber(ARGV[3]), tonumber(ARGV[6]), {}, #ARGV - 6
for i = 7, #ARGV do
  leave[ARGV[i]] = true
end
local deleted, entries, done, wait, marks = 0, {}, {}, -1, {}
-- One more than may be claimed, to know when it is due.
local first = redis.call('ZRANGE', KEYS[2], 0, most + leaves, 'WITHSCORES')
for i = 1, #first, 2 do
  local id, due = first[i], tonumber(first[i + 1])
  if leave[id] then
    -- Left to others.
  elseif due > now or #done == most then
    wait = math.max(0, math.ceil(due - now))
    break
  else
    local pending = redis.call('XPENDING', KEYS[1], ARGV[1], id, id, 1)[1]
    if pending and pending[2] == '~waiting' then
      local claimed = redis.call('XCLAIM', KEYS[1], ARGV[1], ARGV[2], 0, id)[1]
      if claimed then
        entries[#entries + 1] = {id, pending[4] + 1, claimed[2]}
        if due % 1 > 0 then
          local mark = math.floor(due % 1 * 1024)
          marks[#marks + 1] = id
          marks[#marks + 1] = now - due > late and mark % 512 or mark
        end
      else
        redis.call('XACK', KEYS[1], ARGV[1], id)
        deleted = deleted + 1
      end
    end
    done[#done + 1] = id
  end
end
-- unpack() ends near 8,000 values.
for i = 1, #done, 5000 do
  redis.call('ZREM', KEYS[2], unpack(done, i, math.min(i + 4999, #done)))
end
return {now, wait, deleted, entries, tonumber(moved or 0), marks}
