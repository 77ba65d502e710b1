declare namespace Cloudflare {
  interface Env {
    NOTES: KVNamespace
  }
}
declare namespace Cloudflare {
  interface Env {
    TOLLGATE: DurableObjectNamespace
  }
}
