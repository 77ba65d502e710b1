// Starts Redis, alone and as a cluster, and PostgreSQL on free loopback ports with throw-away data, runs the tests that
// need them, and ends them. `node test/support/services.ts PROJECT [file …]`: the project of vitest.
import { execFileSync, spawn, type ChildProcess } from 'node:child_process'
import { chownSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { connect, createServer, type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createClient } from 'redis'

const root = join(import.meta.dirname, '../..')
const folder = mkdtempSync(join(tmpdir(), 'tollgate-services-'))
const running: ChildProcess[] = []

let failures = 1
try {
  failures = await runTests({
    ...process.env,
    REDIS_URL: await startRedis(),
    REDIS_CLUSTER_URLS: (await startCluster()).join(' '),
    POSTGRES_URL: await startPostgres(),
  })
} finally {
  await Promise.all(running.map(end))
  rmSync(folder, { recursive: true, force: true })
}
process.exitCode = failures > 0 ? 1 : 0

async function startRedis(...more: string[]): Promise<string> {
  const port = await freePort()
  const dir = mkdtempSync(join(folder, 'redis-'))
  const args = ['--port', `${port}`, '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no', '--dir', dir]
  running.push(spawn('redis-server', [...args, ...more], { stdio: ['ignore', 'ignore', 'inherit'] }))
  await listening(port)
  return `redis://127.0.0.1:${port}`
}

/** Two primaries with half of the slots each, and a replica of the first: their addresses in this order. */
async function startCluster(): Promise<string[]> {
  const nodes: { url: string; bus: string }[] = []
  for (let i = 0; i < 3; i++) {
    const bus = `${await freePort()}`
    nodes.push({ url: await startRedis('--cluster-enabled', 'yes', '--cluster-port', bus), bus })
  }
  const urls = nodes.map(({ url }) => url)
  const ask = async (node: number, ...command: string[]): Promise<string> => {
    const client = await createClient({ url: urls[node]! }).connect()
    const answer = String(await client.sendCommand(command))
    client.destroy()
    return answer
  }
  const until = async (node: number, text: string, ...command: string[]): Promise<void> => {
    for (let attempt = 0; !(await ask(node, ...command)).includes(text); attempt++) {
      if (attempt === 300) throw new Error(`the cluster does not come up: no ${text}`)
      await new Promise((resolve) => setTimeout(resolve, 100))
    }
  }
  await ask(0, 'CLUSTER', 'ADDSLOTSRANGE', '0', '8191')
  await ask(1, 'CLUSTER', 'ADDSLOTSRANGE', '8192', '16383')
  for (const { url, bus } of nodes.slice(1))
    await ask(0, 'CLUSTER', 'MEET', '127.0.0.1', new URL(url).port, bus)
  for (const node of [0, 1, 2]) await until(node, 'cluster_known_nodes:3', 'CLUSTER', 'INFO')
  await ask(2, 'CLUSTER', 'REPLICATE', await ask(0, 'CLUSTER', 'MYID'))
  await until(2, 'master_link_status:up', 'INFO', 'replication')
  for (const node of [0, 1, 2]) await until(node, 'cluster_state:ok', 'CLUSTER', 'INFO')
  await until(1, 'slave', 'CLUSTER', 'NODES')
  return urls
}

async function startPostgres(): Promise<string> {
  const bin = postgresBinaries()
  const data = mkdtempSync(join(tmpdir(), 'tollgate-postgres-'))
  const user = unprivileged()
  if (user.uid !== undefined) chownSync(data, user.uid, user.gid ?? user.uid)
  const options = { ...user, cwd: data }
  const initialise = [
    '-D',
    join(data, 'data'),
    '-A',
    'trust',
    '-U',
    'tollgate',
    '--no-sync',
    '--encoding=UTF8',
  ]
  execFileSync(join(bin, 'initdb'), initialise, { ...options, stdio: ['ignore', 'ignore', 'inherit'] })
  const port = await freePort()
  const server = spawn(
    join(bin, 'postgres'),
    ['-D', join(data, 'data'), '-p', `${port}`, '-c', 'listen_addresses=127.0.0.1', '-k', data, '-F'],
    { ...options, stdio: 'ignore' },
  )
  server.once('close', () => rmSync(data, { recursive: true, force: true }))
  running.push(server)
  await listening(port)
  return `postgres://tollgate@127.0.0.1:${port}/postgres`
}

/** The newest version that is installed, or the one on the path. */
function postgresBinaries(): string {
  const debian = '/usr/lib/postgresql'
  const versions = existsSync(debian) ? readdirSync(debian).sort((a, b) => Number(b) - Number(a)) : []
  return versions[0] === undefined ? '' : join(debian, versions[0], 'bin')
}

/** PostgreSQL refuses to run as root. */
function unprivileged(): { uid?: number; gid?: number } {
  if (process.getuid?.() !== 0) return {}
  const id = (flag: string): number => Number(execFileSync('id', [flag, 'postgres'], { encoding: 'utf8' }))
  return { uid: id('-u'), gid: id('-g') }
}

async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  await new Promise((resolve) => server.close(resolve))
  return port
}

async function listening(port: number): Promise<void> {
  for (let attempt = 0; attempt < 300; attempt++) {
    const open = await new Promise<boolean>((resolve) => {
      const socket = connect(port, '127.0.0.1')
      socket.once('connect', () => resolve(true)).once('error', () => resolve(false))
      socket.once('connect', () => socket.destroy())
    })
    if (open) return
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
  throw new Error(`nothing listens on port ${port}`)
}

/** How many tests failed; prints the line that the gate reads. */
async function runTests(env: NodeJS.ProcessEnv): Promise<number> {
  const report = join(folder, 'report.json')
  const vitest = join(root, 'node_modules/vitest/vitest.mjs')
  const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${report}`]
  const [project = 'services', ...files] = process.argv.slice(2)
  const args = [vitest, 'run', '--project', project, ...reporters, ...files]
  const child = spawn(process.execPath, args, { cwd: root, env, stdio: 'inherit' })
  const code = await new Promise<number>((resolve) => child.once('close', (given) => resolve(given ?? 1)))
  const { numPassedTests = 0, numFailedTests = 0 } = existsSync(report)
    ? (JSON.parse(readFileSync(report, 'utf8')) as { numPassedTests: number; numFailedTests: number })
    : {}
  // A crash is a failure even where the report looks fine; so is a run without tests.
  const failed = Math.max(numFailedTests, code !== 0 || numPassedTests === 0 ? 1 : 0)
  console.log(`${numPassedTests} passed, ${failed} failed`)
  return failed
}

/** SIGINT: PostgreSQL's fast shutdown; Redis ends as well. */
async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const ended = new Promise((resolve) => child.once('close', resolve))
  child.kill('SIGINT')
  // A test that failed while it stood still has left it stopped.
  child.kill('SIGCONT')
  await ended
}
