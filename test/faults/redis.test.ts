import { faultsSuite } from '../support/faults-suite.ts'
import { redisFaults } from '../support/store-faults.ts'

const url = process.env['REDIS_URL']!
faultsSuite('redis', url, redisFaults(url))
