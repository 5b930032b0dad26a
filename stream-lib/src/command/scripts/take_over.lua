-- Takes over entries whose consumer has let a whole lease pass.
--
-- KEYS  1 stream  2 waiting set  3 lock for running alone
-- ARGV  1 group  2 consumer  3 lease in ms  4 where to go on ('-', or '(' and
--       an id)  5 how many to look at  6 how many to take  7 most deliveries
--       8 token for the lock ('' takes nothing that must run alone)
-- Reply 1 where to go on next ('' at the end)  2 how many were found deleted
--       3 the entries to run: {id, delivery count, fields}
--       4 the ids of those claimed whose deliveries are used up
--       5 at most one entry on its last delivery, like 3; the lock is held for
--         it, for one lease
-- Entries of ~waiting are left where they are while the set knows when they are
-- due, and our own are ours. A claim adds one delivery, save where none is left.
local group, consumer, lease = ARGV[1], ARGV[2], tonumber(ARGV[3])
local look, take, most = tonumber(ARGV[5]), tonumber(ARGV[6]), tonumber(ARGV[7])
-- Ids don't bound the search: they may lie in the future, after a clock that
-- went back.
local idle = redis.call('XPENDING', KEYS[1], group, 'IDLE', lease, ARGV[4], '+', look)
local following, deleted, entries, spent, alone = '', 0, {}, {}, {}
for at, pending in ipairs(idle) do
  local id, owner = pending[1], pending[2]
  local abandoned = owner ~= consumer
  if owner == '~waiting' and redis.call('ZSCORE', KEYS[2], id) then
    abandoned = false
  end
  local claim = {'XCLAIM', KEYS[1], group, consumer, lease, id}
  local into = entries
  if pending[4] >= most then
    claim[7] = 'JUSTID'
    into = spent
  elseif pending[4] > 0 and pending[4] + 1 >= most then
    -- An entry that may kill its process again gets one to itself; one that was
    -- never delivered has killed none.
    into = alone
    abandoned = abandoned and ARGV[8] ~= '' and #alone == 0
      and redis.call('SET', KEYS[3], ARGV[8], 'NX', 'PX', lease)
  end
  if abandoned then
    local claimed = redis.call(unpack(claim))[1]
    if claimed then
      into[#into + 1] = into == spent and id or {id, pending[4] + 1, claimed[2]}
    else
      redis.call('XACK', KEYS[1], group, id)
      deleted = deleted + 1
      if into == alone then
        redis.call('DEL', KEYS[3])
      end
    end
  end
  if #entries + #spent + #alone >= take or at == look then
    following = '(' .. id
    break
  end
end
return {following, deleted, entries, spent, alone}
