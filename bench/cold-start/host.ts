// Loads a Worker `n` times, each time as if it had never been there, and asks it for an answer.
interface Loaded {
  getEntrypoint(): { fetch(url: string): Promise<Response> }
}
interface Env {
  LOADER: { get(id: string, code: () => object): Loaded }
  SCRIPTS: Record<string, string>
}

export default {
  async fetch(request: Request, env: Env): Promise<Response> {
    const { searchParams } = new URL(request.url)
    const script = env.SCRIPTS[searchParams.get('name')!]!
    for (let i = 0; i < Number(searchParams.get('n')); i++) {
      const worker = env.LOADER.get(crypto.randomUUID(), () => ({
        compatibilityDate: '2026-08-01',
        compatibilityFlags: ['nodejs_compat'],
        mainModule: 'worker.js',
        modules: { 'worker.js': script },
      }))
      const response = await worker.getEntrypoint().fetch('https://mcp.example.com/mcp')
      await response.text()
      if (response.status >= 500) return response
    }
    return new Response('done')
  },
}
