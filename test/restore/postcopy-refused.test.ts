import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { test } from 'node:test'
import { OUR_VIEW } from '../../src/domain/machine/qemu-view.ts'
import { LaunchedMachine } from '../../src/domain/machine/launch/launch-machine.ts'
import { migrationFeatures } from '../../src/domain/machine/migration-features.ts'
import { POSTCOPY } from '../../src/domain/memory-sources/postcopy.ts'
import { planRestore } from '../../src/domain/restore/restore-plan.ts'
import { HeldDomain } from '../../src/domain/catalogue/held-domain.ts'
import { openImage } from '../../src/image/open-image.ts'
import { domainInfo, restoreDomain, saveDomain } from '../../src/index.ts'
import { qemus } from '../support/qemus.ts'
import { tempDir } from '../support/temp-dir.ts'
import { type TinyDomain, startTinyDomain } from '../support/tiny-domain.ts'

/** QEMU before 8.1 uses only the system call for userfaultfd, not /dev/userfaultfd. The kernel refuses it to a process without this capability. */
const WITHOUT = ['--bounding-set=-sys_ptrace', '--inh-caps=-sys_ptrace'].join(' ')

const skip = process.geteuid?.() !== 0 && 'only root can take a capability away'

for (const { label, emulator } of qemus().filter(({ major }) => major < 8)) {
  test(
    `a lazy restore that QEMU ${label} refuses fails with its reason and leaves nothing`,
    { skip },
    async () => {
      await using dir = await tempDir()
      await using domain = await startTinyDomain({
        emulator: await refusing(emulator, dir.join('q')),
      })
      const { name, stateDir, image } = await saved(domain)
      await assert.rejects(restoreDomain(image, { stateDir, mode: 'lazy' }), {
        code: 'QEMU_LACKS_FEATURE',
        message: /cannot be loaded on demand: QEMU refused .*: Postcopy is not supported/,
      })
      assert.equal((await domainInfo(name, { stateDir })).state, 'shut off')
      // The guest still exists.
      await restoreDomain(image, { stateDir, mode: 'load' })
      await domain.log.advance(2)
      await domain.log.assertUnbroken()
    },
  )

  test(
    `a postcopy that QEMU ${label} refuses becomes a load if --mode lazy was not given`,
    { skip },
    async () => {
      await using dir = await tempDir()
      await using domain = await startTinyDomain({
        emulator: await refusing(emulator, dir.join('q')),
      })
      const { name, stateDir, image: path } = await saved(domain)
      const signal = new AbortController().signal

      await using image = await openImage(path)
      await using held = await HeldDomain.named(name, 'restore', { stateDir })
      const { paths, directories } = held
      const plan = await planRestore(image, undefined, directories, {})
      const open = await POSTCOPY.consider(image, plan, {
        mode: 'auto',
        cached: () => Promise.resolve(undefined),
        postcopyObstacle: () => Promise.resolve(undefined),
      })
      assert.ok(typeof open === 'function')
      await using source = open({ paths, stateDir, readers: 2, direct: undefined, signal })
      const incoming = source.launchNeeds
      await using machine = await LaunchedMachine.launch(held, { ...plan, incoming, signal })
      const { control, record } = machine
      const brought = await source.bring(
        {
          control,
          pid: record.pid,
          view: OUR_VIEW,
          fresh: true,
          features: () => migrationFeatures(control, emulator, directories, signal),
        },
        { signal, report: () => undefined },
      )
      assert.deepEqual(brought, {
        mode: 'load',
        allMemory: true,
        otherwise: 'no lazy: QEMU refused migrate-set-capabilities: Postcopy is not supported',
      })
      assert.equal(existsSync(paths.postcopy), false)
      await machine.markComplete()
      let running = 0
      await source.resume(control, { signal, onRunning: () => (running += 1) })
      assert.equal(running, 1)
      machine.detach()
      await using nothing = new AsyncDisposableStack()
      await source.detach(nothing)()
      assert.equal(nothing.disposed, false, 'the image is not needed any more')
      await domain.log.advance(2)
      await domain.log.assertUnbroken()
    },
  )
}

/** A program that runs this QEMU without the right to use userfaultfd. */
async function refusing(emulator: string, path: string): Promise<string> {
  await writeFile(path, `#!/bin/sh\nexec setpriv ${WITHOUT} ${emulator} "$@"\n`, { mode: 0o755 })
  return path
}

async function saved(
  domain: TinyDomain,
): Promise<{ readonly name: string; readonly stateDir: string; readonly image: string }> {
  const { name, stateDir } = domain
  const image = domain.dir.join('image')
  await domain.log.advance(2)
  await saveDomain(name, image, { stateDir })
  return { name, stateDir, image }
}
