-- Puts dead letters back into the stream.
--
-- KEYS  1 stream  2 dead letters
-- ARGV  1 about how many bytes to move  2 how many fields to change  then per field:
--       name, 'set' or '' to leave it out, value  then ids of dead letters
-- Reply one item per id: the new id; 'gone' if there is no such dead letter;
--       'bare' if its body was too large to be kept; 'later' if it was not
--       reached
-- Everything is read before the first write. If Redis refuses even the first entry, its
-- error is the reply, and nothing has changed.
local left = tonumber(ARGV[1])
local reply, copies, asked = {}, {}, {}
local first = 3 + 3 * tonumber(ARGV[2])
for i = 3, first - 1, 3 do
  edits[#edits + 1] = ARGV[i]
  edited[ARGV[i]] = {set = ARGV[i + 1] == 'set', value = ARGV[i + 2]}
end
for i = first, #ARGV do
  local id, outcome, at = ARGV[i], 'gone', i - first + 1
  if left <= 0 then
    outcome = 'later'
  elseif not asked[id] then
    asked[id] = true
    local letter = redis.call('XRANGE', KEYS[2], id, id)[1]
    if letter then
      local add, size = restored(letter[2])
      left = left - size
      outcome = add and 'later' or 'bare'
      if add then
        copies[#copies + 1] = {at = at, id = id, add = add}
      end
    end
  end
  reply[at] = outcome
end
local moved, refused = put_back(copies)
if refused and moved == 0 then
  return refused
end
for _, copy in ipairs(copies) do
  reply[copy.at] = copy.added or 'later'
end
return reply
