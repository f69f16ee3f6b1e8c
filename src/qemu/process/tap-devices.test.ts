import assert from 'node:assert/strict'
import { readFile, readdir } from 'node:fs/promises'
import { test } from 'node:test'
import { trafficOf } from './tap-devices.ts'

async function counter(device: string, name: string): Promise<number> {
  return Number(await readFile(`/sys/class/net/${device}/statistics/${name}`, 'latin1'))
}

test('trafficOf() counts from the side of the guest', async (t) => {
  let found: string | undefined
  for (const device of await readdir('/sys/class/net')) {
    const received = await counter(device, 'rx_bytes').catch(() => 0)
    if (received !== (await counter(device, 'tx_bytes').catch(() => 0))) found = device
  }
  if (found === undefined) return t.skip('no device has received more than it sent, or less')
  const [sent, received] = [await counter(found, 'tx_bytes'), await counter(found, 'rx_bytes')]
  const traffic = await trafficOf(found)
  const { rxBytes = -1, txBytes = -1 } = traffic ?? {}
  assert.ok(sent <= rxBytes && rxBytes <= (await counter(found, 'tx_bytes')))
  assert.ok(received <= txBytes && txBytes <= (await counter(found, 'rx_bytes')))
})

test('trafficOf() knows no other devices', async () => {
  assert.equal(await trafficOf('nosuch'), undefined)
})
