-- Part of the scripts that write dead letters.

-- Completes the XADD of a dead letter: the fields of the entry unchanged, then the
-- reserved ones. Returns how many bytes of the entry it copies.
local function letter(add, fields, told)
  local bytes = 0
  -- unpack() ends near 8,000 values; of a larger body only the number of fields is kept.
  if #fields > 7900 - 20 then
    add[4], add[5] = '~omitted', #fields / 2
  else
    for i = 1, #fields do
      add[i + 3] = fields[i]
      bytes = bytes + #fields[i]
    end
  end
  for _, mark in ipairs({
    '~id', told.id, '~group', told.group, '~consumer', told.consumer, '~reason', told.reason,
    '~error', told.error, '~deliveries', told.deliveries, '~time', string.format('%.0f', told.time),
  }) do
    add[#add + 1] = mark
  end
  return bytes
end
