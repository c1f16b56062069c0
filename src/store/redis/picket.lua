#!lua name=picket
-- The only writer of a shard's keys. Redis runs a function alone but never rolls it back, so everything is checked
-- before the first write. Keys of a shard share the hash tag {shard}:
--   own          hash: epoch, token, owner, seq, hash, trimmed, watermark, and a_* and b_*, the newest two snapshots
--   journal      stream: id <seq>-0, fields h (the record's hash) and d (the record)
--   snap:a, :b   lists of chunks
--   blobs        hash: content by its hash
--   dir:<kind>   hash: rows by id
--   attempts     hash: messages that were tried and not committed; <in how many lives> <the last of them>
--   lease        string with an end: the daemon that may try to own the shard
-- Beside the shards, for all of them:
--   daemons:<of> sorted set: the daemons that are there for some list of shards, by when each is forgotten
-- Replies are arrays that begin with 'ok', 'fenced', 'head' or 'damaged'.

-- Rises with every change of this file; `LIBRARY_VERSION` in library.rs must follow.
local VERSION = '4'

local function get(key, field, default)
  return redis.call('HGET', key, field) or default
end

local function head(own)
  return get(own, 'seq', '0'), get(own, 'hash', '')
end

-- The refusal for a caller who is not the owner, or nil.
local function refusal(own, token)
  local stored = get(own, 'token', '')
  if stored ~= token or token == '' then
    return { 'fenced', stored }
  end
  return nil
end

-- What is behind the head was written by something else, and so is a journal that ends before it.
local function foreign_tail(journal, seq)
  local found = redis.call('XRANGE', journal, '(' .. seq .. '-0', '+', 'COUNT', 1)
  if found[1] then
    return { 'damaged', 'the journal ends at ' .. seq .. '-0, but something else wrote ' .. found[1][1] .. ' behind it' }
  end
  return nil
end

-- ARGV: holder, for how many milliseconds. KEYS: lease.
local function lease(keys, argv)
  local found = redis.call('GET', keys[1])
  if found and found ~= argv[1] then
    return { 'ok', found }
  end
  redis.call('SET', keys[1], argv[1], 'PX', argv[2])
  return { 'ok', argv[1] }
end

-- ARGV: holder. KEYS: lease.
local function release(keys, argv)
  if redis.call('GET', keys[1]) == argv[1] then
    redis.call('DEL', keys[1])
  end
  return { 'ok' }
end

-- ARGV: daemon, for how many milliseconds. KEYS: daemons. Answers who is there.
local function attend(keys, argv)
  local time = redis.call('TIME')
  local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
  redis.call('ZREMRANGEBYSCORE', keys[1], '-inf', now)
  if tonumber(argv[2]) > 0 then
    redis.call('ZADD', keys[1], now + tonumber(argv[2]), argv[1])
  else
    redis.call('ZREM', keys[1], argv[1])
  end
  local there = redis.call('ZRANGE', keys[1], 0, -1)
  table.insert(there, 1, 'ok')
  return there
end

-- ARGV: instance, nonce, epoch floor. KEYS: own, journal.
local function acquire(keys, argv)
  local own, journal = keys[1], keys[2]
  local seq, hash = head(own)
  local damage = foreign_tail(journal, seq)
  if damage then return damage end
  local last = redis.call('XREVRANGE', journal, '+', '-', 'COUNT', 1)[1]
  if last then
    if last[1] ~= seq .. '-0' or last[2][2] ~= hash then
      return { 'damaged', 'the journal ends at ' .. last[1] .. ', not at ' .. seq .. '-0 as its owner left it' }
    end
  elseif get(own, 'trimmed', '0') ~= seq then
    return { 'damaged', 'the journal is empty, but its owner left it at ' .. seq .. '-0' }
  end
  local epoch = math.max(tonumber(get(own, 'epoch', '0')), tonumber(argv[3])) + 1
  local number = string.format('%.0f', epoch)
  redis.call('HSET', own, 'epoch', number, 'token', number .. ':' .. argv[2], 'owner', argv[1])
  return { 'ok', number, seq, hash }
end

-- ARGV: token, expected seq, expected hash, how many records, rows and blobs follow;
--       per record: hash, body; per row: index of its key in KEYS, id, '1' put or '0' remove, body; per blob: hash, body.
-- KEYS: own, journal, blobs, then one per kind of row.
local function append(keys, argv)
  local own, journal, blobs = keys[1], keys[2], keys[3]
  local records, rows, contents = tonumber(argv[4]), tonumber(argv[5]), tonumber(argv[6])
  if #argv ~= 6 + 2 * records + 4 * rows + 2 * contents then
    return redis.error_reply('PICKETARG the batch is not as long as it says')
  end
  local refused = refusal(own, argv[1])
  if refused then return refused end
  local seq, hash = head(own)
  if seq ~= argv[2] or hash ~= argv[3] then
    local last = string.format('%.0f', tonumber(argv[2]) + records)
    if records > 0 and seq == last and hash == argv[5 + 2 * records] then
      -- Written by an earlier call. This write gives WAIT something to wait for on this connection.
      redis.call('HSET', own, 'hash', hash)
      return { 'ok', seq, hash }
    end
    return { 'head', seq, hash }
  end
  local damage = foreign_tail(journal, seq)
  if damage then return damage end
  for i = 3, #keys do
    local kind = redis.call('TYPE', keys[i]).ok
    if kind ~= 'hash' and kind ~= 'none' then
      return { 'damaged', keys[i] .. ' is a ' .. kind .. ' and not a hash' }
    end
  end

  local at = 7
  local number = tonumber(seq)
  for i = 1, records do
    number = number + 1
    seq = string.format('%.0f', number)
    hash = argv[at]
    local added = redis.pcall('XADD', journal, seq .. '-0', 'h', hash, 'd', argv[at + 1])
    if added.err then
      -- Only the first can fail, before anything is written: a higher id was in the stream and was deleted.
      return { 'damaged', 'record ' .. seq .. ' cannot be added: ' .. added.err }
    end
    at = at + 2
  end
  for _ = 1, rows do
    local key = keys[tonumber(argv[at])]
    if argv[at + 2] == '1' then
      redis.call('HSET', key, argv[at + 1], argv[at + 3])
    else
      redis.call('HDEL', key, argv[at + 1])
    end
    at = at + 4
  end
  for _ = 1, contents do
    redis.call('HSET', blobs, argv[at], argv[at + 1])
    at = at + 2
  end
  redis.call('HSET', own, 'seq', seq, 'hash', hash)
  return { 'ok', seq, hash }
end

-- Moves what was uploaded into a slot and notes what it is. Slots: a is the newest, b the one before.
local function fill(own, slot, upload, key, argv)
  redis.call('RENAME', upload, key)
  redis.call('PERSIST', key)
  local count = redis.call('HINCRBY', own, 'uploads', 1)
  redis.call('HSET', own, slot .. '_seq', argv[2], slot .. '_hash', argv[3], slot .. '_chunks', argv[4],
    slot .. '_upload', count)
end

-- ARGV: token, seq, hash, how many chunks were uploaded. KEYS: own, upload, slot a, slot b.
local function snapshot(keys, argv)
  local own, upload, a, b = keys[1], keys[2], keys[3], keys[4]
  local refused = refusal(own, argv[1])
  if refused then return refused end
  local seq, hash = head(own)
  local new = tonumber(argv[2])
  if new > tonumber(seq) then return { 'head', seq, hash } end
  if redis.call('LLEN', upload) ~= tonumber(argv[4]) then
    return redis.error_reply('PICKETARG the snapshot was not uploaded whole')
  end
  local newest, older = tonumber(get(own, 'a_seq', '-1')), tonumber(get(own, 'b_seq', '-1'))
  if new == newest then
    fill(own, 'a', upload, a, argv)
  elseif new > newest then
    if newest >= 0 then
      local was = redis.call('HMGET', own, 'a_seq', 'a_hash', 'a_chunks', 'a_upload')
      if redis.call('EXISTS', a) == 1 then redis.call('RENAME', a, b) else redis.call('DEL', b) end
      redis.call('HSET', own, 'b_seq', was[1], 'b_hash', was[2], 'b_chunks', was[3], 'b_upload', was[4])
    end
    fill(own, 'a', upload, a, argv)
  elseif new >= older then
    fill(own, 'b', upload, b, argv)
  else
    redis.call('DEL', upload)
  end
  return { 'ok' }
end

-- ARGV: token, seq. KEYS: own, journal.
local function trim(keys, argv)
  local own, journal = keys[1], keys[2]
  local refused = refusal(own, argv[1])
  if refused then return refused end
  local contained = tonumber(get(own, 'b_seq', false) or get(own, 'a_seq', '0'))
  local safe = math.min(tonumber(argv[2]), contained)
  if safe > tonumber(get(own, 'trimmed', '0')) then
    redis.call('XTRIM', journal, 'MINID', '=', string.format('%.0f-0', safe + 1))
    redis.call('HSET', own, 'trimmed', string.format('%.0f', safe))
  end
  return { 'ok' }
end

-- ARGV: token, number. KEYS: own.
local function watermark(keys, argv)
  local own = keys[1]
  local refused = refusal(own, argv[1])
  if refused then return refused end
  if tonumber(argv[2]) > tonumber(get(own, 'watermark', '0')) then
    redis.call('HSET', own, 'watermark', argv[2])
  end
  return { 'ok' }
end

-- Counts lives and not calls: a call whose answer was lost is made again. ARGV: token, message, life. KEYS: own, attempts.
local function attempt(keys, argv)
  local refused = refusal(keys[1], argv[1])
  if refused then return refused end
  local count, last = string.match(get(keys[2], argv[2], '0 '), '^(%d+) (.*)$')
  if last ~= argv[3] then
    count = string.format('%.0f', tonumber(count or '0') + 1)
  end
  -- Written even if it says the same, so that WAIT has something to wait for on this connection.
  redis.call('HSET', keys[2], argv[2], count .. ' ' .. argv[3])
  return { 'ok', count }
end

-- ARGV: token, and the message, or nothing for all. KEYS: own, attempts.
local function forget(keys, argv)
  local refused = refusal(keys[1], argv[1])
  if refused then return refused end
  if argv[2] then
    redis.call('HDEL', keys[2], argv[2])
  else
    redis.call('DEL', keys[2])
  end
  return { 'ok' }
end

-- What a reader needs of one moment. ARGV: after which seq, how many at most. KEYS: own, journal.
local function read(keys, argv)
  local own, journal = keys[1], keys[2]
  return { get(own, 'seq', '0'), get(own, 'trimmed', '0'),
    redis.call('XRANGE', journal, '(' .. argv[1] .. '-0', '+', 'COUNT', argv[2]) }
end

-- On a server whose memory is full nothing can be added, but a shard can be taken over, read and trimmed.
local function register(name, callback, flag)
  redis.register_function { function_name = 'picket_' .. name, callback = callback, flags = { flag } }
end
register('lease', lease, 'allow-oom')
register('release', release, 'allow-oom')
register('attend', attend, 'allow-oom')
register('acquire', acquire, 'allow-oom')
register('append', append)
register('snapshot', snapshot)
register('trim', trim, 'allow-oom')
register('watermark', watermark, 'allow-oom')
register('attempt', attempt)
register('forget', forget, 'allow-oom')
register('read', read, 'no-writes')
register('version', function() return VERSION end, 'no-writes')
