#!lua flags=no-writes,allow-oom
-- Reads entries, in full or in part.
--
-- KEYS  1 stream
-- ARGV  1 from  2 to, which is below if the newest come first  3 'oldest' or
--       'newest' first  4 how many at most  5 about how many bytes to send  6 how many
--       bytes of a value at most
-- Reply 1 whether there may be more: 1 or 0  2 the entries: {id, how many fields, then
--       per field: name, value, bytes of the whole value}
-- Entries are read one at a time, since their sizes are unknown. Fields after the byte
-- limit are left out, but at least one entry is returned.
local from, most, left, longest = ARGV[1], tonumber(ARGV[4]), tonumber(ARGV[5]), tonumber(ARGV[6])
local entries, more = {}, 1
while #entries < most and (left > 0 or #entries == 0) do
  local found
  if ARGV[3] == 'newest' then
    found = redis.call('XREVRANGE', KEYS[1], from, ARGV[2], 'COUNT', 1)[1]
  else
    found = redis.call('XRANGE', KEYS[1], from, ARGV[2], 'COUNT', 1)[1]
  end
  if not found then
    more = 0
    break
  end
  local id, fields = found[1], found[2]
  from = '(' .. id
  local entry = {id, #fields / 2}
  left = left - 32
  for i = 1, #fields, 2 do
    local name, value = fields[i], fields[i + 1]
    local size = #value
    if #name > longest then
      name = string.sub(name, 1, longest)
    end
    if size > longest then
      value = string.sub(value, 1, longest)
    end
    left = left - #name - #value - 16
    if left < 0 and (i > 1 or #entries > 0) then
      break
    end
    entry[#entry + 1] = name
    entry[#entry + 1] = value
    entry[#entry + 1] = size
  end
  entries[#entries + 1] = entry
end
return {more, entries}
