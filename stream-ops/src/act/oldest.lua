-- Lists the ids of a stream, oldest first.
--
-- KEYS  1 stream
-- ARGV  1 first id, or one with `(` in front
-- Reply 1 the next first id, '' at the end  2 the ids
-- It ends early after a few megabytes, or 2,000 entries. Nothing is written.
local from, bytes, ids = ARGV[1], 0, {}
while #ids < 2000 and bytes < 4000000 do
  local page = redis.call('XRANGE', KEYS[1], from, '+', 'COUNT', 20)
  for _, entry in ipairs(page) do
    for _, text in ipairs(entry[2]) do
      bytes = bytes + #text
    end
    ids[#ids + 1] = entry[1]
    from = '(' .. entry[1]
  end
  if #page < 20 then
    return {'', ids}
  end
end
return {from, ids}
