// Run by the package test in a project that has only the packed package: node park.js STATE_DIR IMAGE
import assert from 'node:assert/strict'
import { Stasis } from 'stasis'

const [stateDir, image] = process.argv.slice(2)
const stasis = new Stasis({ stateDir })
const domain = await stasis.domain('tiny')
const saving = domain.save(image, { channels: 2 })
const phases = new Set()
for await (const { phase } of saving) phases.add(phase)
assert.ok(phases.has('transferring'))
const saved = await saving
assert.equal(saved.image.format, 'stasis')
const restored = await stasis.restore(image, { mode: 'lazy' })
assert.equal(restored.result.mode, 'lazy')
await restored.allMemory()
console.log(await restored.state())
