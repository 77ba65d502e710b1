// The documentation site, built as `npm run site` builds it and served on loopback as a static host serves it.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { extname, join } from 'node:path'
import { install } from './runtime-next.ts'

const root = join(import.meta.dirname, '../..')
const types: Readonly<Record<string, string>> = {
  '.html': 'text/html',
  '.js': 'text/javascript',
  '.css': 'text/css',
  '.svg': 'image/svg+xml',
  '.png': 'image/png',
  '.md': 'text/markdown',
  '.txt': 'text/plain',
}

export interface BuiltSite {
  folder: string
  /** Its files, from the folder, with `/`. */
  files: readonly string[]
  read(file: string): string
  remove(): void
}

/** `url`: as SITE_URL; its path is the base. */
export async function buildSite(url: string): Promise<BuiltSite> {
  await install('tools/site')
  const folder = mkdtempSync(join(tmpdir(), 'tollgate-site-'))
  const env = { ...process.env, SITE_URL: url, SITE_BASE: new URL(url).pathname, SITE_OUT: folder }
  const vitepress = join(root, 'tools/site/node_modules/vitepress/bin/vitepress.js')
  const child = spawn(process.execPath, [vitepress, 'build', 'tools/site'], { cwd: root, env, stdio: 'pipe' })
  let output = ''
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (output += chunk))
  const [code] = (await once(child, 'close')) as [number | null]
  if (code !== 0) throw new Error(`the site does not build:\n${output}`)
  const entries = readdirSync(folder, { recursive: true, encoding: 'utf8' })
  return {
    folder,
    files: entries.map((file) => file.replaceAll('\\', '/')).filter((file) => extname(file) !== ''),
    read: (file) => readFileSync(join(folder, file), 'utf8'),
    remove: () => rmSync(folder, { recursive: true }),
  }
}

/** `base`: the path that the folder is served below, with a slash at both ends. */
export async function serveSite(folder: string, base: string): Promise<{ origin: string; close(): void }> {
  const server = createServer((request, response) => {
    const { pathname } = new URL(request.url ?? '/', 'http://127.0.0.1')
    let file = pathname.startsWith(base) ? join(folder, pathname.slice(base.length)) : ''
    if (file !== '' && statSync(file, { throwIfNoEntry: false })?.isDirectory())
      file = join(file, 'index.html')
    const found = file !== '' && existsSync(file)
    if (!found) file = join(folder, '404.html')
    response.writeHead(found ? 200 : 404, {
      'content-type': types[extname(file)] ?? 'application/octet-stream',
    })
    response.end(readFileSync(file))
  })
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  return {
    origin,
    close() {
      server.closeAllConnections()
      server.close()
    },
  }
}
