import type { Verb } from './verb.ts'

/** A verb in the list of all: its file is loaded only when it is called. */
export interface VerbEntry {
  readonly name: string
  readonly summary: string
  readonly load: () => Promise<Verb<object>>
}

function entry<Flags extends object>(
  name: string,
  summary: string,
  load: () => Promise<{ readonly verb: Verb<Flags> }>,
): VerbEntry {
  return { name, summary, load: async () => (await load()).verb as Verb<object> }
}

/** Every verb, in the order in which `--help` lists them. */
export const VERBS: readonly VerbEntry[] = [
  entry('define', 'define a domain from an XML file', () => import('./verbs/define.ts')),
  entry('undefine', 'forget the definition of a domain', () => import('./verbs/undefine.ts')),
  entry('start', 'start a defined domain', () => import('./verbs/start.ts')),
  entry(
    'autostart',
    'let a domain start with the host, or no longer',
    () => import('./verbs/autostart.ts'),
  ),
  entry('shutdown', 'ask a guest to shut itself down', () => import('./verbs/shutdown.ts')),
  entry(
    'reboot',
    'ask a guest to shut down, and start it again',
    () => import('./verbs/reboot.ts'),
  ),
  entry('reset', 'reset a machine at once', () => import('./verbs/reset.ts')),
  entry('destroy', 'end a running domain at once', () => import('./verbs/destroy.ts')),
  entry('suspend', 'pause a running domain', () => import('./verbs/suspend.ts')),
  entry('resume', 'let a paused domain run on', () => import('./verbs/resume.ts')),
  entry('save', 'save a running domain to a file and end it', () => import('./verbs/save.ts')),
  entry(
    'managedsave',
    'save a running domain where its next start finds it, and end it',
    () => import('./verbs/managedsave.ts'),
  ),
  entry(
    'managedsave-remove',
    'throw away the managed save of a domain',
    () => import('./verbs/managedsave-remove.ts'),
  ),
  entry(
    'managedsave-dumpxml',
    'show the domain XML in a managed save',
    () => import('./verbs/managedsave-dumpxml.ts'),
  ),
  entry(
    'managedsave-define',
    'change the domain XML in a managed save',
    () => import('./verbs/managedsave-define.ts'),
  ),
  entry(
    'managedsave-edit',
    'edit the domain XML in a managed save',
    () => import('./verbs/managedsave-edit.ts'),
  ),
  entry('domjobinfo', 'show how far a save or restore is', () => import('./verbs/domjobinfo.ts')),
  entry(
    'domjobabort',
    'cancel a save or restore of another process',
    () => import('./verbs/domjobabort.ts'),
  ),
  entry('restore', 'run a saved domain on from its file', () => import('./verbs/restore.ts')),
  entry(
    'postcopy-recover',
    'bring the rest of the memory of a domain whose page server is gone',
    () => import('./verbs/postcopy-recover.ts'),
  ),
  entry(
    'image-cache',
    'keep the memory of images raw, so that they can be mapped',
    () => import('./verbs/image-cache.ts'),
  ),
  entry(
    'save-image-dumpxml',
    'show the domain XML in a saved file',
    () => import('./verbs/save-image-dumpxml.ts'),
  ),
  entry(
    'save-image-define',
    'replace the domain XML in a saved file',
    () => import('./verbs/save-image-define.ts'),
  ),
  entry(
    'save-image-edit',
    'edit the domain XML in a saved file',
    () => import('./verbs/save-image-edit.ts'),
  ),
  entry(
    'image-info',
    'show what is in a saved file, and check it',
    () => import('./verbs/image-info.ts'),
  ),
  entry(
    'image-check',
    'say whether a saved file can be restored here',
    () => import('./verbs/image-check.ts'),
  ),
  entry(
    'image-convert',
    'write a saved file down in another format',
    () => import('./verbs/image-convert.ts'),
  ),
  entry(
    'host-save',
    'park all running domains, several at once',
    () => import('./verbs/host-save.ts'),
  ),
  entry(
    'host-resume',
    'bring the parked domains of the host back',
    () => import('./verbs/host-resume.ts'),
  ),
  entry('domrename', 'give a domain another name', () => import('./verbs/domrename.ts')),
  entry('event', 'wait for what happens to domains', () => import('./verbs/event.ts')),
  entry(
    'attach',
    'take over a running QEMU that Stasis did not start',
    () => import('./verbs/attach.ts'),
  ),
  entry('detach', 'let go of a QEMU that was taken over', () => import('./verbs/detach.ts')),
  entry('list', 'list domains', () => import('./verbs/list.ts')),
  entry('dominfo', 'show facts about a domain', () => import('./verbs/dominfo.ts')),
  entry('domstate', 'show the state of a domain', () => import('./verbs/domstate.ts')),
  entry('dumpxml', 'show the XML of a domain', () => import('./verbs/dumpxml.ts')),
  entry(
    'console',
    'connect the terminal to the serial console of a domain',
    () => import('./verbs/console.ts'),
  ),
  entry(
    'version',
    'show the versions of Stasis, Node and QEMU',
    () => import('./verbs/version.ts'),
  ),
]
