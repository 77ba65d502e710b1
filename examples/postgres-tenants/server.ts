// Documents for many tenants, on PostgreSQL: `npm start`
import { randomBytes } from 'node:crypto'
import { createServer } from 'node:http'
import { clientAddress, toNodeHandler } from 'tollgate/node'
import { postgres } from 'tollgate/store/postgres'
import { checkTables, connect, explain } from './database.ts'
import { createTenants } from './tenants.ts'

const { PORT = '8787', PUBLIC_URL = `http://127.0.0.1:${PORT}` } = process.env
const { POSTGRES_URL = 'postgres://localhost/postgres', BEHIND_PROXY } = process.env
if (!/^https?:\/\//.test(PUBLIC_URL)) end(`PUBLIC_URL must begin with https://; got "${PUBLIC_URL}"`)
const publicUrl = PUBLIC_URL.replace(/\/$/, '')
const isLocal = ['localhost', '127.0.0.1'].includes(new URL(publicUrl).hostname)
// On this machine a new one for each run will do: it ends all grants.
const secret = process.env['TOLLGATE_SECRET'] || (isLocal ? randomBytes(32).toString('base64url') : '')
if (secret === '') throw new Error('TOLLGATE_SECRET must be set: openssl rand -base64 32')

const database = connect(POSTGRES_URL)
const store = postgres(database)

const handler = createTenants({
  database,
  store,
  secret,
  publicUrl,
  ...(BEHIND_PROXY ? { behindProxy: true } : { clientAddress }),
})
// Later, an outage is 503; at the start it is rather a mistake.
await checkTables(database).catch((error) => end(explain(error)))
const server = createServer(toNodeHandler(handler))
  .on('error', (error: NodeJS.ErrnoException) =>
    end(error.code === 'EADDRINUSE' ? `Port ${PORT} is in use: set PORT to another one.` : error.message),
  )
  .listen(Number(PORT), '127.0.0.1', () => console.log(`Documents at ${publicUrl}/t/<tenant>/mcp`))

// PostgreSQL deletes nothing by itself. Every instance may sweep: each takes at most 1000 records at a time.
const sweeping = setInterval(sweep, 600_000)
await sweep()

for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, stop)

async function sweep(): Promise<void> {
  try {
    while ((await store.sweep(Date.now() / 1000)) > 0);
  } catch (error) {
    console.error('The sweep failed:', error)
  }
}

function end(message: string): never {
  console.error(message)
  process.exit(1)
}

async function stop(): Promise<void> {
  clearInterval(sweeping)
  server.close()
  server.closeAllConnections()
  await database.end()
}
