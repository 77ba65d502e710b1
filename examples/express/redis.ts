// What lies in Redis: the notes, Okta's keys, and the events of open sessions.
import type { EventStore } from '@modelcontextprotocol/sdk/server/streamableHttp.js'
import { createClient } from 'redis'
import type { Cache } from 'tollgate'
import type { Notes } from './notes.ts'

export type Redis = ReturnType<typeof connect>

/** A client that gives up a line that carries nothing, and fails at once while Redis is away. */
export function connect(url: string) {
  const client = createClient({
    url,
    disableOfflineQueue: true,
    pingInterval: 2000,
    socket: { socketTimeout: 4000, reconnectStrategy: (retries) => Math.min(50 * 2 ** retries, 2000) },
  })
  // Without a listener, a lost connection would end the process.
  client.on('error', (error: Error) => console.error(`Redis: ${error.message}`))
  return client
}

export const notesIn = (redis: Redis): Notes => ({
  titles: (owner) => redis.hKeys(`notes:${owner}`),
  read: async (owner, title) => (await redis.hGet(`notes:${owner}`, title)) ?? undefined,
  write: async (owner, title, text) => void (await redis.hSet(`notes:${owner}`, title, text)),
})

/** For Okta's keys: one instance fetches them for all. A failure counts as a miss. */
export const cacheIn = (redis: Redis): Cache => ({
  get: async (key) => (await redis.get(`cache:${key}`)) ?? undefined,
  put: async (key, value, { ttl }) =>
    void (await redis.set(`cache:${key}`, value, { expiration: { type: 'EX', value: Math.ceil(ttl) } })),
  delete: async (key) => void (await redis.del(`cache:${key}`)),
})

/** Events of one session: at most about 1000, and an hour after the last one none. */
export function eventsIn(redis: Redis, session: string): EventStore {
  // Session hijacking: an event id is looked up in its own session only, so `Last-Event-ID` of another user
  // brings nothing.
  const key = `events:${session}`
  return {
    async storeEvent(stream, message) {
      const event = { stream, message: JSON.stringify(message) }
      const trim = { TRIM: { strategy: 'MAXLEN', strategyModifier: '~', threshold: 1000 } } as const
      const [id] = await redis.multi().xAdd(key, '*', event, trim).expire(key, 3600).exec()
      return String(id)
    },
    async replayEventsAfter(last, { send }) {
      const [found, ...later] = (isEventId(last) && (await redis.xRange(key, last, '+'))) || []
      if (found?.id !== last) throw new Error('Unknown event')
      const { stream = '' } = found.message
      for (const { id, message } of later)
        if (message['stream'] === stream && message['message'] !== noMessage)
          await send(id, JSON.parse(message['message']!))
      return stream
    },
  }
}

/** The first event of a stream only has an id. */
const noMessage = '{}'

/** Only a whole id, never `-` or `+`, which Redis reads as the first and the last one. */
const isEventId = (text: string): boolean => /^\d+-\d+$/.test(text)
