-- Lists the entry and the group of each dead letter, without its body.
--
-- KEYS  1 dead letters
-- ARGV  1 first id, or one with `(` in front
-- Reply 1 the next first id, '' at the end  2 entry and group of each dead letter,
--       alternating; '' if unknown
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
