import assert from 'node:assert/strict'
import { mkdir, readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { isLongRun, newestQemu } from '../support/qemus.ts'
import { stasisWith } from '../support/stasis-command.ts'
import { startTinyDomain } from '../support/tiny-domain.ts'

/** The files that stay in a state directory on purpose: records, the history of images, what a QEMU can do. */
const KEPT = [
  /^host\.json$/,
  /^(domains|ended|jobs|autostart|save|images|orders|image-cache|run|cache)$/,
  /^(ended|jobs)\/[^./]+\.json$/,
  /^images\/[0-9a-f-]+\.json$/,
  /^cache\//,
  // What was done, and what QEMU printed.
  /^journal(\/journal\.jsonl)?$/,
  /^log(\/tiny2?\.log)?$/,
  // Of the last lazy restore of an image that still exists.
  /^orders\/[0-9a-f]+\.order$/,
]

for (const { label, major, emulator } of newestQemu()) {
  const all = ['stasis', 'channels', 'raw', 'zstd', ...(major >= 9 ? ['sparse'] : [])]
  const formats = isLongRun() ? all : all.slice(0, 2)
  test(`acts leave nothing behind, on QEMU ${label}`, { timeout: 300_000 }, async () => {
    await using tiny = await startTinyDomain({ emulator, started: false })
    const { stateDir, runtimeDir, dir, xml } = tiny
    const [image, temporary] = [dir.join('image'), dir.join('temporary')]
    await mkdir(temporary)
    await writeFile(dir.join('xml'), xml)
    const before = (await readdir(dir.path)).toSorted()
    const act = async (...args: readonly string[]): Promise<string> => {
      const { exitCode, stdout, stderr } = await stasisWith(
        { stateDir, env: { TMPDIR: temporary } },
        ...args,
      )
      assert.equal(exitCode, 0, `${args.join(' ')}: ${stderr}`)
      const parts = async (): Promise<readonly string[]> =>
        (await readdir(dir.path, { recursive: true })).filter((name) =>
          /(^|\/)\.[^/]+$|\.partial$|job(-abort|\.json)$|stream\.sock$|starting$/.test(name),
        )
      // A page server may still write down in which order the guest asked.
      for (let looks = 0; looks < 200 && (await parts()).length > 0; looks += 1) await delay(50)
      assert.deepEqual(await parts(), [], args.join(' '))
      assert.deepEqual(await readdir(temporary), [], args.join(' '))
      return stdout
    }
    await act('define', dir.join('xml'))
    // With the versioned machine type and all addresses.
    await writeFile(dir.join('xml'), await act('dumpxml', 'tiny'))
    await act('autostart', 'tiny')
    await act('start', 'tiny')
    await act('suspend', 'tiny')
    await act('resume', 'tiny')
    for (const format of formats) {
      await act('save', 'tiny', image, '--format', format)
      await act('image-info', image)
      await act('image-check', image)
      await act('image-convert', image, `${image}.raw`, '--format', 'raw')
      await act('save-image-dumpxml', image)
      await act('save-image-define', image, dir.join('xml'), '--running')
      await act('restore', image, '--mode', 'load')
      await act('managedsave', 'tiny', '--format', format)
      await act('start', 'tiny')
    }
    await act('save', 'tiny', image)
    await act('image-cache', 'add', image)
    // A QEMU before 8.2 does not map the memory of a guest that has a balloon.
    await act('restore', image, '--mode', major >= 9 ? 'map' : 'load')
    await act('image-cache', 'remove', image)
    await act('save', 'tiny', image)
    await act('restore', image, '--mode', 'lazy', '--wait', 'memory')
    await act('host-save')
    await act('host-resume')
    await act('managedsave', 'tiny')
    await act('managedsave-define', 'tiny', dir.join('xml'))
    await act('managedsave-remove', 'tiny')
    await act('autostart', 'tiny', '--disable')
    await act('domrename', 'tiny', 'tiny2')
    await act('start', 'tiny2')
    await act('destroy', 'tiny2')
    await act('undefine', 'tiny2')

    assert.deepEqual(await readdir(runtimeDir), [])
    const left = (await readdir(stateDir, { recursive: true })).filter(
      (name) => !KEPT.some((kept) => kept.test(name)),
    )
    assert.deepEqual(left, [])
    const others = (await readdir(dir.path)).filter((name) => !name.startsWith('image'))
    assert.deepEqual(others.toSorted(), [...before, 'serial'].toSorted())
    assert.deepEqual(
      (await readdir(join(stateDir, 'save'))).concat(await readdir(join(stateDir, 'domains'))),
      [],
    )
  })
}
