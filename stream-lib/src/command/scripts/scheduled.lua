#!lua flags=no-writes,allow-oom
-- Lists scheduled messages by their due times, and of equal ones by their ids.
--
-- KEYS  1 due times  2 bodies
-- ARGV  1 due time and 2 id of the last known one ('' and '': begin at the first)
--       3 how many at most  4 about how many bytes
-- Reply for each: id, due time ('inf' for one that was set aside), unique key ('':
--       none), its values, which are none if the body can't be read
local from, last, most = ARGV[1], ARGV[2], tonumber(ARGV[3])
if from == '' then
  from = '-inf'
end
-- Skipping the first messages of a due time takes long if there are many. So a page
-- starts at a rank, if the last message is still there and the user may ask for ranks.
local after = nil
if last ~= '' and redis.call('ZSCORE', KEYS[1], last) == from then
  local rank = redis.pcall('ZRANK', KEYS[1], last)
  after = type(rank) == 'number' and rank + 1 or nil
end
local reply, bytes, skip, count = {}, 0, 0, 0
repeat
  local list
  if after then
    list = redis.call('ZRANGE', KEYS[1], after + skip, after + skip + 99, 'WITHSCORES')
  else
    list = redis.call('ZRANGE', KEYS[1], from, '+inf', 'BYSCORE', 'LIMIT', skip, 100, 'WITHSCORES')
  end
  for i = 1, #list, 2 do
    local id, at = list[i], list[i + 1]
    if count < most and (last == '' or tonumber(at) > tonumber(from) or id > last) then
      local body = redis.call('HGET', KEYS[2], id)
      bytes = bytes + 100 + (body and #body or 0)
      if count > 0 and bytes > tonumber(ARGV[4]) then
        return reply
      end
      local good, name, values = pcall(cmsgpack.unpack, body or '')
      if good and type(name) == 'table' then
        name, values = '', name
      elseif not good or type(name) ~= 'string' or type(values) ~= 'table' then
        name, values = '', {}
      end
      count = count + 1
      reply[count] = {id, at, name, values}
    end
  end
  skip = skip + 100
until #list < 200 or count >= most
return reply
