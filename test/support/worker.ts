import { DurableObject } from 'cloudflare:workers'
export class TollgateStore extends DurableObject {}
export default { fetch: (): Response => new Response('tests run here') }
