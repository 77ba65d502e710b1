// The notes server. Who issues its tokens is configuration: `npm run internal`, `npm run external`
import { createServer } from 'node:http'
import { toNodeHandler } from 'tollgate/node'
import { createAuth } from './auth.ts'
import { notes, operations } from './notes/notes.ts'
import { readSettings, SettingError } from './settings.ts'

try {
  start()
} catch (error) {
  if (!(error instanceof SettingError)) throw error
  end(error.message)
}

function start(): void {
  const settings = readSettings(process.env)
  const { port, host, publicUrl, authorization } = settings
  const { rs, handle } = createAuth(settings)
  const guarded = rs.protect(notes, { operations })
  const server = createServer(
    toNodeHandler(async (request) => {
      const answer = await handle(request)
      if (answer) return answer
      if (new URL(request.url).pathname === '/mcp') return guarded(request)
      return new Response(`The MCP server is at ${publicUrl}/mcp\n`, { status: 404 })
    }),
  )
  server.once('error', ({ code, message }: NodeJS.ErrnoException) => {
    end(
      code === 'EADDRINUSE'
        ? `PORT ${port} is used by another program`
        : `HOST and PORT cannot be used: ${message}`,
    )
  })
  server.listen(port, host, () => {
    const issuer = authorization.mode === 'internal' ? 'this program' : authorization.issuer
    console.log(`Notes at ${publicUrl}/mcp, with tokens of ${issuer}`)
  })
  for (const signal of ['SIGINT', 'SIGTERM'] as const)
    process.once(signal, () => {
      server.close()
      // Open streams would keep the process alive.
      server.closeAllConnections()
    })
}

function end(message: string): void {
  console.error(message)
  process.exitCode = 1
}
