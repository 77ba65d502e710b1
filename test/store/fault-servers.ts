// What happens to real store servers: they stand still, and they come back from a failover without the last writes.
import { Redis } from 'ioredis'
import pg from 'pg'

export interface StoreFaults {
  /** From now on no command is done, until the function that is returned is called; then all that came meanwhile are. */
  stall(): Promise<() => Promise<void>>
  /** What the replica has. The function that is returned makes it the primary: later writes are lost. */
  replicate(): Promise<() => Promise<void>>
  close(): Promise<void>
}

export function redisFaults(url: string): StoreFaults {
  const client = new Redis(url)
  return {
    async stall() {
      const pid = Number(/process_id:(\d+)/.exec(await client.info('server'))![1])
      process.kill(pid, 'SIGSTOP')
      return async () => {
        process.kill(pid, 'SIGCONT')
      }
    },
    async replicate() {
      const copies = await Promise.all(
        (await client.keys('*')).map(
          async (key) => [key, await client.pttl(key), await client.dumpBuffer(key)] as const,
        ),
      )
      return async () => {
        await client.flushall()
        for (const [key, ttl, dump] of copies)
          if (ttl !== -2) await client.restore(key, Math.max(ttl, 0), dump)
      }
    },
    close: async () => client.disconnect(),
  }
}

export function postgresFaults(url: string): StoreFaults {
  const pool = new pg.Pool({ connectionString: url })
  return {
    async stall() {
      const line = await pool.connect()
      await line.query('BEGIN')
      await line.query('LOCK TABLE tollgate IN ACCESS EXCLUSIVE MODE')
      return async () => {
        await line.query('COMMIT')
        line.release()
      }
    },
    async replicate() {
      const { rows } = await pool.query<Record<string, unknown>>('SELECT * FROM tollgate')
      return async () => {
        await pool.query('DELETE FROM tollgate')
        for (const row of rows)
          await pool.query('INSERT INTO tollgate (key, value, version, expires_at) VALUES ($1, $2, $3, $4)', [
            row['key'],
            row['value'],
            row['version'],
            row['expires_at'],
          ])
      }
    },
    close: () => pool.end(),
  }
}
