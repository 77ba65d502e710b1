import { systemClock } from '../lib/clock.ts'
import type { Clock, Finding, Store, StoreRecord } from '../types.ts'
import { checked, collectAfter, partitionOf, recordOf, checkDriver, newVersion } from './contract.ts'
import { writeDeadlines } from './deadline.ts'

/** A client (or cluster client) of `redis` or `ioredis`, or Upstash's HTTP client. */
// Their signatures of `eval` have nothing in common.
export interface RedisClient {
  eval(script: string, ...rest: never[]): Promise<unknown>
}

/** Options of {@link redis}. */
export interface RedisOptions {
  /** What every key begins with. Default `tollgate:`. */
  prefix?: string
  /** Seconds since the epoch, only for the time to live. Default: the system's clock. */
  clock?: Clock
}

/** What {@link redis} makes. */
export interface RedisStore extends Store {
  /**
   * Whether this server keeps what it is given: warns of an evicting `maxmemory-policy`, and of a replica.
   */
  check(): Promise<Finding[]>
}

/**
 * A store in Redis or a compatible server, single or a cluster: each call is one script on one key, and the
 * key's hash tag is its partition. Scripts go to the primary, reads too: a replica may be behind.
 *
 * @example
 * import { createClient } from 'redis'
 * const store = redis(await createClient({ url }).connect())
 */
export function redis(client: RedisClient, options: RedisOptions = {}): RedisStore {
  checkDriver(['client', client, 'a client of redis, ioredis or Upstash'], ['eval'], options, {
    prefix: 'string',
    clock: 'function',
  })
  const { prefix = 'tollgate:', clock = systemClock } = options
  const evaluate = evaluator(client)
  const deadlines = writeDeadlines()
  const keyOf = (key: string): string => {
    const partition = partitionOf(key)
    return `${prefix}{${partition}}${key.slice(partition.length)}`
  }
  return {
    ...checked<Store>({
      get: async (key) => {
        const answer = parse(await evaluate(getScript, keyOf(key), []))
        if (answer !== undefined) deadlines.answered(key, answer.time)
        return answer?.record
      },
      put: async (key, value, { ifVersion, expiresAt }) => {
        const version = newVersion()
        const ttl = collectAfter(expiresAt, clock)
        const milliseconds = ttl === undefined ? '' : String(Math.ceil(ttl * 1000))
        const record = `${version} ${expiresAt ?? '-'} ${value}`
        // A record that is made late does no harm. A change that comes late would stand after its 503.
        const deadline = (ifVersion && deadlines.deadline(key)) ?? ''
        const parameters = [ifVersion ?? '', version, record, milliseconds, String(deadline)]
        const written = await evaluate(putScript, keyOf(key), parameters)
        return Number(written) === 1 ? version : undefined
      },
      delete: async (key, { ifVersion = '' } = {}) =>
        Number(await evaluate(deleteScript, keyOf(key), [ifVersion])) === 1,
    }),
    check: async () =>
      findingsOf(String(await evaluate(infoScript, keyOf('check:info'), []).catch(() => ''))),
  }
}

// A record is one string, "<version> <expiry or -> <value>": never JSON, which Upstash's client would parse.
const now = `local time = redis.call('TIME')
local now = time[1] * 1000 + time[2] / 1000`

// In front of it the server's time.
const getScript = `${now}
local held = redis.call('GET', KEYS[1])
return held and string.format('%.0f ', now) .. held`

// A client that sends a command again after a reconnect (ioredis, Upstash) meets its own write: that one
// stands.
const putScript = `
local held = redis.call('GET', KEYS[1])
local version = held and string.match(held, '^[^ ]+') or ''
if version == ARGV[2] then return 1 end
if version ~= ARGV[1] then return 0 end
${now}
if ARGV[5] ~= '' and now > tonumber(ARGV[5]) then return 0 end
redis.call('SET', KEYS[1], ARGV[3])
if ARGV[4] ~= '' then redis.call('PEXPIRE', KEYS[1], ARGV[4]) end
return 1`

const deleteScript = `
local held = redis.call('GET', KEYS[1])
if not held or (ARGV[1] ~= '' and string.match(held, '^[^ ]+') ~= ARGV[1]) then return 0 end
return redis.call('DEL', KEYS[1])`

const infoScript = `return redis.call('INFO', 'memory') .. redis.call('INFO', 'replication')`

function parse(answer: unknown): { time: number; record: StoreRecord } | undefined {
  if (answer === null || answer === undefined) return undefined
  const text = String(answer)
  // A damaged record has a version and no value: its reader reports it, and can write over it.
  const [, time, version, expiry = '-', value = ''] = /^(\S+) ([^ ]+)(?: (\S+) ([^]*))?/.exec(text)!
  return { time: Number(time), record: recordOf(value, version!, expiry === '-' ? null : Number(expiry)) }
}

function findingsOf(info: string): Finding[] {
  const policy = /maxmemory_policy:(\S+)/.exec(info)?.[1] ?? 'unknown'
  const evicting: Finding = {
    level: 'warning',
    code: 'redis.evicting-policy',
    message: `maxmemory-policy is ${policy}: a full server may drop grants`,
    fix: 'Set it to noeviction',
  }
  const replica: Finding = {
    level: 'error',
    code: 'redis.replica',
    message: 'This server is a replica: it may be behind, and takes no writes',
    fix: 'Connect to the primary',
  }
  return [...(policy === 'noeviction' ? [] : [evicting]), ...(/role:slave/.test(info) ? [replica] : [])]
}

type Evaluate = (script: string, key: string, parameters: string[]) => Promise<unknown>

function evaluator(client: RedisClient): Evaluate {
  const run = (...parameters: unknown[]): Promise<unknown> => client.eval(...(parameters as [string]))
  if ('defineCommand' in client) return (script, key, parameters) => run(script, 1, key, ...parameters) // ioredis
  if ('sendCommand' in client)
    return (script, key, parameters) => run(script, { keys: [key], arguments: parameters }) // redis
  return (script, key, parameters) => run(script, [key], parameters) // Upstash
}
