declare namespace Cloudflare {
  interface Env {
    PUBLIC_URL: string
    TOLLGATE_SECRET: string
    TEAM_PLAN: string
    GITHUB_CLIENT_ID?: string
    GITHUB_CLIENT_SECRET?: string
    CACHE: KVNamespace
    TOLLGATE: DurableObjectNamespace
    AGENT: DurableObjectNamespace<import('./agent.ts').TaskAgent>
    TASKS: DurableObjectNamespace<import('./list.ts').TaskList>
  }
}
