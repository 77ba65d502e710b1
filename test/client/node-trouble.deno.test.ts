// What a new user runs into is told here, too.
import './node-trouble.node.test.ts'
