-- Puts dead letters back into the stream.
--
-- KEYS  1 stream  2 dead letters
-- ARGV  ids of dead letters
-- Reply one item per id: the new id; 'gone' where there is no such dead letter;
--       'bare' where its body was too large to be kept
-- Adding and removing are one step: no crash loses or doubles an entry. The new
-- entry says which group it is for, the id that the message had first, and how
-- often it was put back; the marks of the burial stay behind.
local marks = {
  ['~id'] = true, ['~group'] = true, ['~consumer'] = true, ['~deliveries'] = true,
  ['~reason'] = true, ['~error'] = true, ['~time'] = true, ['~for'] = true,
  ['~redriven'] = true,
}
local reply = {}
for at, id in ipairs(ARGV) do
  local letter = redis.call('XRANGE', KEYS[2], id, id)[1]
  local outcome = 'gone'
  if letter then
    local add, found = {'XADD', KEYS[1], '*'}, {}
    local fields = letter[2]
    for i = 1, #fields, 2 do
      found[fields[i]] = fields[i + 1]
      if not marks[fields[i]] then
        add[#add + 1] = fields[i]
        add[#add + 1] = fields[i + 1]
      end
    end
    if found['~omitted'] then
      outcome = 'bare'
    else
      local function put(name, value)
        add[#add + 1] = name
        add[#add + 1] = value
      end
      if found['~id'] and not found['~origin'] then
        put('~origin', found['~id'])
      end
      put('~redriven', string.format('%.0f', (tonumber(found['~redriven']) or 0) + 1))
      if found['~group'] then
        put('~for', found['~group'])
      end
      outcome = redis.call(unpack(add))
      redis.call('XDEL', KEYS[2], id)
    end
  end
  reply[at] = outcome
end
return reply
