import { faultsSuite } from './faults.suite.ts'
import { redisFaults } from './fault-servers.ts'

const url = process.env['REDIS_URL']!
faultsSuite('redis', url, redisFaults(url))
