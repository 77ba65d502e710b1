// An abort reaches the socket of nodeFetch also after a garbage collection, which takes a dependent signal with it.
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { expect, test } from 'vitest'

const program = `
import http from 'node:http'
import { setImmediate as turn } from 'node:timers/promises'
const { nodeFetch } = await import(${JSON.stringify(`file://${join(import.meta.dirname, '../../dist/adapter/node.js')}`)})
const server = http.createServer((_, res) => { res.writeHead(200, { 'content-type': 'text/event-stream' }); res.write('data: x\\n\\n') })
await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve))
const abort = new AbortController()
const { body } = await nodeFetch('http://127.0.0.1:' + server.address().port, { signal: abort.signal })
const reader = body.getReader()
await reader.read()
for (let i = 0; i < 20; i++) { globalThis.gc(); await turn() }
abort.abort()
await reader.read().then(() => console.log('goes on'), () => console.log('aborted'))
server.closeAllConnections()
server.close()
`

test.each([
  ['node', process.execPath],
  ['the node of the path', 'node'],
])('after a garbage collection, with %s', (_, node) => {
  const args = ['--expose-gc', '--input-type=module', '--eval', program]
  const { stdout, stderr } = spawnSync(node, args, { encoding: 'utf8', timeout: 20_000 })
  expect(stderr).toBe('')
  expect(stdout).toBe('aborted\n')
})
