-- Part of the scripts that determine the room of a stream.
--
-- Backlog = pending + unread of the group with the most, at most the stream's length;
-- without groups, the stream's length. A number that Redis can't give is taken too high,
-- never too low.

-- XLEN, with an error that names the key.
local function length(key)
  local reply = redis.pcall('XLEN', key)
  if type(reply) == 'table' then
    error({err = reply.err .. ' (the key ' .. key .. ')'})
  end
  return reply
end

-- How many entries are after a group's cursor: exact at both ends of the stream, by lag
-- in between. Without lag they are counted, as far as `enough` and about 1,000; beyond
-- that the whole stream counts.
local function unread(stream, total, cursor, lag, enough)
  if not redis.call('XRANGE', stream, '-', cursor, 'COUNT', 1)[1] then
    return total
  end
  local after = redis.pcall('XRANGE', stream, '(' .. cursor, '+', 'COUNT', 1)
  if after.err or not after[1] then
    return 0
  end
  if lag then
    return lag
  end
  local counted = 0
  repeat
    local chunk = redis.call('XRANGE', stream, '(' .. cursor, '+', 'COUNT', 100)
    counted = counted + #chunk
    if #chunk < 100 or counted >= enough then
      return counted
    end
    cursor = chunk[100][1]
  until counted >= 1000
  return total
end

-- The stream's room in entries. If `wanted` entries surely fit, returns `wanted`.
local function room(stream, capacity, wanted)
  local total = length(stream)
  if total + wanted <= capacity then
    return wanted
  end
  if total == 0 then
    return capacity
  end
  local groups, backlog = redis.call('XINFO', 'GROUPS', stream), 0
  for _, info in ipairs(groups) do
    local group = {}
    for i = 1, #info, 2 do
      group[info[i]] = info[i + 1]
    end
    local pending, lag = group['pending'], group['lag']
    -- Negative if ENTRIESREAD was set too high: counts as none.
    lag = lag and lag >= 0 and math.min(lag, total)
    local behind = lag and pending + lag
    if not behind or behind + wanted > capacity then
      local enough = capacity - pending
      behind = pending + unread(stream, total, group['last-delivered-id'], lag, enough)
    end
    backlog = math.max(backlog, behind)
  end
  if #groups == 0 then
    backlog = total
  end
  return math.max(0, capacity - math.min(backlog, total))
end
