// The Worker in which the tests of the workerd project run: its exports are what the bindings need.
export { TollgateStore } from '../../src/store/durable-object.ts'
export default { fetch: (): Response => new Response('tests run here') }
