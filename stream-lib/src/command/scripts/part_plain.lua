-- Part of route.lua, in front of the others: where nothing is to be decided
-- there is no need even to define them.

-- Adds messages without keys, `each` values long, from ARGV[6] on.
local function add_plain(stream, count, each)
  -- What stands outside of the loop is dear inside.
  local pcall, unpack, args = redis.pcall, unpack, ARGV
  local from, reply = 6, {}
  for i = 1, count do
    reply[i] = pcall('XADD', stream, '*', unpack(args, from, from + each - 1))
    from = from + each
  end
  return reply
end

local each = tonumber(ARGV[5])
if each > 0 and redis.pcall('XLEN', KEYS[2]) == 0 then
  local count, total = tonumber(ARGV[4]), redis.pcall('XLEN', KEYS[1])
  if type(total) == 'number' and total + count <= tonumber(ARGV[1]) then
    return add_plain(KEYS[1], count, each)
  end
end

