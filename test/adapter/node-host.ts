// The server of `node-runtimes.test.ts`: Node’s own server, as Deno and Bun imitate it.
import { createServer } from 'node:http'
import { toNodeHandler } from '../../src/adapter/node.ts'
import { adapterApp } from './suite-app.ts'
const url = process.env['PUBLIC_URL']!
const { rs, handler } = adapterApp(url, JSON.parse(process.env['KEYS']!))
createServer(toNodeHandler(rs.protect(handler), { onError: () => undefined })).listen(
  Number(process.env['PORT']),
  '127.0.0.1',
  () => console.log(`Notes at ${url}/mcp`),
)
