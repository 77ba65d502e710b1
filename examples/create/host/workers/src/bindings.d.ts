declare namespace Cloudflare {
  interface Env {
    NOTES: KVNamespace
  }
}
