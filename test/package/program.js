// Run by the package test in a project that has only the packed package: node program.js IMAGE STATE_DIR
import assert from 'node:assert/strict'
import { createRequire } from 'node:module'
import { Stasis, StasisError, versions } from 'stasis'
import { StasisError as SameError } from 'stasis/errors'
import { inspectImage, openImage, readDescription } from 'stasis/image'
import { QmpConnection } from 'stasis/qmp'

const [image, stateDir] = process.argv.slice(2)
const stasis = new Stasis({ stateDir })
assert.deepEqual(await stasis.domains({ all: true }), [])
await assert.rejects(stasis.domain('nobody'), (error) => StasisError.is(error, 'DOMAIN_NOT_FOUND'))
assert.equal(StasisError, SameError)
const machine = await openImage(image)
assert.equal(machine.format, 'raw')
await machine[Symbol.asyncDispose]()
assert.equal((await inspectImage(image)).complete, true)
assert.match((await readDescription(image)).xml, /<domain/)
await assert.rejects(QmpConnection.connect(`${stateDir}/none`), { code: 'QEMU_DIED' })
assert.equal(createRequire(import.meta.url)('stasis').Stasis, Stasis)
console.log((await versions()).stasis)
