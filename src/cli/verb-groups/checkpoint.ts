import { type VerbGroup, entry } from '../verb-entry.ts'

/** The verbs of `stasis help checkpoint`. */
export const CHECKPOINT_VERBS: VerbGroup = {
  title: 'Checkpoints',
  keyword: 'checkpoint',
  verbs: [
    entry(
      'checkpoint',
      'keep memory and disks of a domain as they are at this instant',
      () => import('../verbs/checkpoint/checkpoint.ts'),
    ),
    entry(
      'checkpoint-list',
      'list the checkpoints of a domain',
      () => import('../verbs/checkpoint/checkpoint-list.ts'),
    ),
    entry(
      'checkpoint-revert',
      'return a domain to a checkpoint',
      () => import('../verbs/checkpoint/checkpoint-revert.ts'),
    ),
    entry(
      'checkpoint-delete',
      'delete a checkpoint; the disks of the guest do not change',
      () => import('../verbs/checkpoint/checkpoint-delete.ts'),
    ),
    entry(
      'checkpoint-flatten',
      'make the memory of a checkpoint independent of others',
      () => import('../verbs/checkpoint/checkpoint-flatten.ts'),
    ),
    entry(
      'checkpoint-restore',
      'make a new domain from a checkpoint',
      () => import('../verbs/checkpoint/checkpoint-restore.ts'),
    ),
    entry(
      'clone',
      'make new domains from a running one, which share its memory',
      () => import('../verbs/checkpoint/clone.ts'),
    ),
    entry(
      'snapshot-create-as',
      'make a checkpoint, by the options of virsh',
      () => import('../verbs/checkpoint/snapshot-create-as.ts'),
    ),
    entry(
      'snapshot-list',
      'list the checkpoints of a domain as virsh lists snapshots',
      () => import('../verbs/checkpoint/snapshot-list.ts'),
    ),
    entry(
      'snapshot-revert',
      'return a domain to a checkpoint, by the options of virsh',
      () => import('../verbs/checkpoint/snapshot-revert.ts'),
    ),
    entry(
      'snapshot-delete',
      'delete a checkpoint, by the options of virsh',
      () => import('../verbs/checkpoint/snapshot-delete.ts'),
    ),
    entry(
      'snapshot-dumpxml',
      "show a checkpoint as libvirt's XML of a snapshot",
      () => import('../verbs/checkpoint/snapshot-dumpxml.ts'),
    ),
    entry(
      'snapshot-current',
      'show the checkpoint that the guest has passed last',
      () => import('../verbs/checkpoint/snapshot-current.ts'),
    ),
    entry(
      'snapshot-info',
      'show state, parent and children of a checkpoint',
      () => import('../verbs/checkpoint/snapshot-info.ts'),
    ),
    entry(
      'snapshot-parent',
      'show the name of the parent of a checkpoint',
      () => import('../verbs/checkpoint/snapshot-parent.ts'),
    ),
  ],
}
