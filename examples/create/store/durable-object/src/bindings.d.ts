declare namespace Cloudflare {
  interface Env {
    TOLLGATE: DurableObjectNamespace
  }
}
