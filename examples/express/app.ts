// The Express application: endpoints, guard, sessions. It is the same for every issuer and every storage.
import express, { type Express, type RequestHandler } from 'express'
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
  /** Whether the storage of notes and events can be reached. Default: always. */
  isAvailable?: () => boolean
}

export function createApp(settings: AppSettings): Express {
  const { rs, notes, parts = [rs], isAvailable = () => true, ...sessions } = settings
  const app = express()
  app.disable('x-powered-by')
  // Before every body parser.
  app.use(endpoints(...parts))
  app.all(
    '/mcp',
    guard(rs, { operations: operationScopes(needs, { default: 'deny' }) }),
    refuseUnless(isAvailable),
    mcpSessions({ ...sessions, createServer: () => notesServer(notes) }),
  )
  return app
}

/** The SDK's transport would answer 400 with the text of the failure. This tells clients to try again. */
const refuseUnless =
  (isAvailable: () => boolean): RequestHandler =>
  (_req, res, next) => {
    if (isAvailable()) return next()
    const error = { code: -32603, message: 'The storage is not available' }
    res.status(503).set('retry-after', '5').json({ jsonrpc: '2.0', error, id: null })
  }
