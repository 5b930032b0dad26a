-- Part of route.lua, in front of the others: if there is nothing to decide, they need not
-- even be defined.

local each, values = tonumber(ARGV[2]), #ARGV - 3
local plain = each > 0 and redis.pcall('XLEN', KEYS[2]) == 0
if plain then
  local total = redis.pcall('XLEN', KEYS[1])
  plain = type(total) == 'number' and total + values / each <= tonumber(ARGV[1])
end
if plain and values == each then
  return redis.pcall('XADD', KEYS[1], '*', unpack(ARGV, 4))
end

-- Adds messages without keys, `each` values long.
local function add_plain(stream)
  -- Looked up outside of the loop, since look-ups inside cost time.
  local pcall, unpack, args, last = redis.pcall, unpack, ARGV, each - 1
  local from, reply = 4, {}
  for i = 1, values / each do
    reply[i] = pcall('XADD', stream, '*', unpack(args, from, from + last))
    from = from + each
  end
  return reply
end

if plain then
  return add_plain(KEYS[1])
end

