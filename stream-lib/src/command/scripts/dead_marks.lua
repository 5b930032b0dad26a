#!lua flags=no-writes,allow-oom
-- Reads the marks of dead letters, without their bodies.
--
-- KEYS  1 dead letters
-- ARGV  1 from  2 to, which is below if the newest come first  3 'oldest' or 'newest'
--       first  4 how many at most  5 about how many bytes to read
-- Reply 1 where to continue ('' at the end)  2 the letters: {id, reason, error, group}
-- One is read at a time, since their sizes are unknown.
local from, most, left = ARGV[1], tonumber(ARGV[4]), tonumber(ARGV[5])
local letters = {}
while #letters < most and left > 0 do
  local found
  if ARGV[3] == 'newest' then
    found = redis.call('XREVRANGE', KEYS[1], from, ARGV[2], 'COUNT', 1)[1]
  else
    found = redis.call('XRANGE', KEYS[1], from, ARGV[2], 'COUNT', 1)[1]
  end
  if not found then
    from = ''
    break
  end
  from = '(' .. found[1]
  local fields, marks = found[2], {}
  for i = 1, #fields, 2 do
    left = left - #fields[i] - #fields[i + 1]
    marks[fields[i]] = fields[i + 1]
  end
  letters[#letters + 1] = {
    found[1], marks['~reason'] or '', string.sub(marks['~error'] or '', 1, 1000),
    marks['~group'] or '',
  }
end
return {from, letters}
