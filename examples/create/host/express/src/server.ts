import express from 'express'
import { endpoints } from 'tollgate/express'
import { toNodeHandler } from 'tollgate/node'
import { createAuth } from './auth.ts'
import { cannotListen, env, port } from './host.ts'
import { notes, operations } from './notes.ts'
import { resource } from './settings.ts'

const auth = createAuth()
const app = express()

// Before every body parser.
app.use(endpoints(auth))
app.all('/mcp', toNodeHandler(auth.rs.protect(notes, { operations })))

app.listen(port, env['HOST'] || '127.0.0.1', (error) => {
  if (error) cannotListen(error)
  console.log(`Notes at ${resource}`)
})
