-- Removes a consumer that is dead or holds nothing; what it holds stays with the group.
--
-- KEYS  1 stream  2 members  3 meta
-- ARGV  1 to 3 and the signs as in part_hands  then the consumer, and how many of its
--       entries to hand over
-- Reply 1 'none' for no such consumer, 'alive', 'more' if it holds more, 'removed'
--       2 how many entries were handed over
-- XGROUP DELCONSUMER would forget the entries. They go to ~takeover, which gives no sign
-- of life: members take over from it, and so does XAUTOCLAIM.
local consumer, most = ARGV[behind], tonumber(ARGV[behind + 1])
local facts = seen[consumer]
if not facts then
  return {'none', 0}
end
local sign = sign_of(consumer)
if sign == '1' or sign == 'none' and facts.pending > 0 and facts.idle < patience then
  return {'alive', 0}
end
local handed = 0
local claim = {'XCLAIM', KEYS[1], group, '~takeover', 0}
for _, pending in ipairs(redis.call('XPENDING', KEYS[1], group, '-', '+', most, consumer)) do
  claim[#claim + 1] = pending[1]
  handed = handed + 1
end
if handed > 0 then
  -- TIME 1: idle since 1970. Entries that were deleted from the stream are forgotten.
  for _, option in ipairs({'TIME', 1, 'JUSTID'}) do
    claim[#claim + 1] = option
  end
  redis.call(unpack(claim))
  if redis.call('XPENDING', KEYS[1], group, '-', '+', 1, consumer)[1] then
    return {'more', handed}
  end
end
redis.call('XGROUP', 'DELCONSUMER', KEYS[1], group, consumer)
return {'removed', handed}
