-- Takes over entries of dead consumers, the oldest first.
--
-- KEYS  1 stream  2 lock for running alone
-- ARGV  1 group  2 consumer  3 lease in ms  4 the least idle time of entries to
--       take, in ms  5 where to continue ('-', or '(' and an id)  6 how many
--       entries of each consumer to look at  7 how many to take  8 most deliveries
--       9 token for the lock ('' takes nothing that must run alone)  10, 11 the
--       times between which the server's clock is expected, in ms ('': any)
--       12 how many consumers are dead  then their names  then ids to leave
-- Reply 1 the server's time in ms, and nothing more if that was not expected
--       2 where to continue next ('' at the end)  3 how many were found deleted
--       4 the entries to run: {id, delivery count, fields}
--       5 the ids of claimed entries without deliveries left
--       6 at most one entry on its last delivery, like 4; the lock is held for
--         it, for one lease
-- The caller names the dead, since it knows the signs of life, and may be wrong by now.
-- With ARGV[4] below a lease, idle times that lie in the future show as 0; any other idle
-- time below a lease belongs to a living holder. A claim adds one delivery, unless none
-- is left.
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
if ARGV[10] ~= '' and (now < tonumber(ARGV[10]) or now > tonumber(ARGV[11])) then
  return {now}
end
local group, consumer, lease, least = ARGV[1], ARGV[2], ARGV[3], ARGV[4]
local look, take, most = tonumber(ARGV[6]), tonumber(ARGV[7]), tonumber(ARGV[8])
local names, leave = tonumber(ARGV[12]), {}
for i = 13 + names, #ARGV do
  leave[ARGV[i]] = true
end

-- An id as text that sorts.
local function sortable(id)
  local ms, seq = string.match(id, '(%d+)-(%d+)')
  return string.rep('0', 20 - #ms) .. ms .. string.rep('0', 20 - #seq) .. seq
end

-- Each list is in order, whatever the ids: they may lie in the future. After the end of a
-- full list nothing is known.
local all, horizon = {}, nil
for i = 13, 12 + names do
  local list = redis.call('XPENDING', KEYS[1], group, 'IDLE', least, ARGV[5], '+', look, ARGV[i])
  for _, pending in ipairs(list) do
    pending[5] = sortable(pending[1])
    all[#all + 1] = pending
  end
  local last = #list == look and sortable(list[look][1])
  if last and (not horizon or last < horizon) then
    horizon = last
  end
end
table.sort(all, function(a, b) return a[5] < b[5] end)

local following, deleted, entries, spent, alone = '', 0, {}, {}, {}
local upto, locked = ARGV[5], false
for _, pending in ipairs(all) do
  local id = pending[1]
  if horizon and pending[5] > horizon then
    break
  end
  upto = '(' .. id
  local claim = {'XCLAIM', KEYS[1], group, consumer, least, id}
  local is_renewed = pending[3] > 0 and pending[3] < tonumber(lease)
  local into, mine = entries, not leave[id] and not is_renewed
  if pending[4] >= most then
    claim[7] = 'JUSTID'
    into = spent
  elseif pending[4] > 0 and pending[4] + 1 >= most then
    -- An entry that may kill its process again gets one to itself; one that was
    -- never delivered has killed none.
    into = alone
    mine = mine and ARGV[9] ~= '' and #alone == 0
    if mine and not locked then
      locked = redis.call('SET', KEYS[2], ARGV[9], 'NX', 'PX', lease)
    end
    mine = mine and locked
  end
  if mine then
    local claimed = redis.call(unpack(claim))[1]
    if claimed then
      into[#into + 1] = into == spent and id or {id, pending[4] + 1, claimed[2]}
    else
      redis.call('XACK', KEYS[1], group, id)
      deleted = deleted + 1
    end
  end
  if #entries + #spent + #alone >= take then
    following = upto
    break
  end
end
if following == '' and horizon then
  following = upto
end
if locked and #alone == 0 then
  redis.call('DEL', KEYS[2])
end
return {now, following, deleted, entries, spent, alone}
