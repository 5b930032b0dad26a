-- Shared by the scripts that put dead letters back.
--
-- KEYS  1 stream  2 dead letters
-- A new entry has the group that it is for, the first id of the message, and the number
-- of redrives; the marks of the burial are left out.
local marks = {
  ['~id'] = true, ['~group'] = true, ['~consumer'] = true, ['~deliveries'] = true,
  ['~reason'] = true, ['~error'] = true, ['~time'] = true, ['~for'] = true,
  ['~redriven'] = true,
}

-- The names of fields that are changed, in order, and how: {set, value}.
local edits, edited = {}, {}

-- The XADD for a dead letter, or false if its body was too large to be kept; and the size
-- of the letter.
local function restored(fields)
  local add, found, size = {'XADD', KEYS[1], '*'}, {}, 0
  local placed = {}
  for i = 1, #fields, 2 do
    found[fields[i]] = fields[i + 1]
    size = size + #fields[i] + #fields[i + 1]
    local edit = edited[fields[i]]
    if not marks[fields[i]] and not edit then
      add[#add + 1] = fields[i]
      add[#add + 1] = fields[i + 1]
    elseif edit and edit.set and placed[fields[i]] == nil then
      add[#add + 1] = fields[i]
      add[#add + 1] = edit.value
      placed[fields[i]] = true
    end
  end
  local function put(name, value)
    add[#add + 1] = name
    add[#add + 1] = value
  end
  for _, name in ipairs(edits) do
    if edited[name].set and not placed[name] then
      put(name, edited[name].value)
    end
  end
  if found['~id'] and not found['~origin'] then
    put('~origin', found['~id'])
  end
  put('~redriven', string.format('%.0f', (tonumber(found['~redriven']) or 0) + 1))
  if found['~group'] then
    put('~for', found['~group'])
  end
  -- unpack() ends near 8,000 values.
  return not found['~omitted'] and #add <= 7900 and add, size
end

-- Adds the copies, each {id, add}, and removes their letters: no crash loses or doubles
-- an entry. Returns how many were moved, and the error that ended it.
local function put_back(copies)
  local moved, refused = {}, nil
  for _, copy in ipairs(copies) do
    local added = redis.pcall(unpack(copy.add))
    if type(added) == 'table' then
      refused = added
      break
    end
    copy.added = added
    moved[#moved + 1] = copy.id
  end
  if #moved > 0 then
    redis.call('XDEL', KEYS[2], unpack(moved))
  end
  return #moved, refused
end

