// What @cloudflare/workers-oauth-provider imports from its platform, for Node. To be imported before it.
import { registerHooks } from 'node:module'

const stub =
  'data:text/javascript,export class WorkerEntrypoint { constructor(ctx, env) { this.ctx = ctx; this.env = env } }; export const env = {}; export const waitUntil = () => {}'
registerHooks({
  resolve: (specifier, context, next) =>
    specifier === 'cloudflare:workers' ? { url: stub, shortCircuit: true } : next(specifier, context),
})
