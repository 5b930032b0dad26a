-- Says of which entries and groups there are dead letters, without their bodies.
--
-- KEYS  1 dead letters
-- ARGV  1 first id, or one with `(` in front
-- Reply 1 where to go on, '' at the end  2 of each its entry and its group, '' where it
--       doesn't say, one after the other
-- It ends early after a few megabytes, or 2,000 dead letters. Nothing is written.
local from, bytes, found = ARGV[1], 0, {}
while #found < 4000 and bytes < 4000000 do
  local page = redis.call('XRANGE', KEYS[1], from, '+', 'COUNT', 20)
  for _, letter in ipairs(page) do
    local fields, marks = letter[2], {}
    for i = 1, #fields, 2 do
      bytes = bytes + #fields[i] + #fields[i + 1]
      marks[fields[i]] = fields[i + 1]
    end
    found[#found + 1] = marks['~id'] or ''
    found[#found + 1] = marks['~group'] or ''
    from = '(' .. letter[1]
  end
  if #page < 20 then
    return {'', found}
  end
end
return {from, found}
