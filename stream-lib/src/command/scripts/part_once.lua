-- Part of the scripts that add messages.
--
-- A message with an idempotency key is added once within a window. The key holds the
-- place of the first message, or an `s` and an id for a scheduled one. The entry is
-- written before the key, so a server without memory has neither.

-- The place of the first message of this key, with a `d` in front; false for a new one.
-- The stored value has no `d`, since older members read it as well. With `rewrites`, the
-- key is written again unchanged: a WAIT after this waits for writes of its connection,
-- and so for all earlier writes.
local function first_of(key, rewrites)
  local first = key and redis.pcall('GET', key)
  if type(first) ~= 'string' then
    return first
  end
  local again = rewrites and redis.pcall('SET', key, first, 'XX', 'KEEPTTL')
  if type(again) == 'table' and again.err then
    return again
  end
  return 'd' .. first
end

-- Adds ARGV[from] to ARGV[to] as one entry. An error is returned, not raised:
-- the caller does or undoes the steps around this one.
local function add(target, mark, key, window, from, to)
  if key then
    -- Changes nothing: shows whether the key can be written later.
    local may = redis.pcall('SET', key, '', 'XX', 'PX', window)
    if type(may) == 'table' and may.err then
      return may
    end
  end
  local added = redis.pcall('XADD', target, '*', unpack(ARGV, from, to))
  if type(added) == 'table' then
    return added
  end
  added = mark .. added
  if key then
    redis.call('SET', key, added, 'PX', window)
  end
  return added
end
