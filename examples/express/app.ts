// The Express application: endpoints, guard, sessions. It is the same for every issuer and every storage.
import express, { type Express } from 'express'
import type { Endpoints, ResourceServer } from 'tollgate'
import { endpoints, guard } from 'tollgate/express'
import { operationScopes } from 'tollgate/operations'
import { needs, notesServer, type Notes } from './notes.ts'
import { mcpSessions, type SessionSettings } from './sessions.ts'

export interface AppSettings extends Omit<SessionSettings, 'createServer'> {
  rs: ResourceServer
  notes: Notes
  /** What answers beside `/mcp`. Default: the metadata of `rs`. */
  parts?: readonly Endpoints[]
}

export function createApp({ rs, notes, parts = [rs], ...sessions }: AppSettings): Express {
  const app = express()
  app.disable('x-powered-by')
  // Before every body parser.
  app.use(endpoints(...parts))
  app.all(
    '/mcp',
    guard(rs, { operations: operationScopes(needs, { default: 'deny' }) }),
    mcpSessions({ ...sessions, createServer: () => notesServer(notes) }),
  )
  return app
}
