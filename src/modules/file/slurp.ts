// A file's content, as base64 in the result. Changes nothing.
import { Buffer } from 'node:buffer';
import type { HostModule } from '../module.ts';
import { absoluteFilePath } from './file-attributes.ts';
import { CONTENT_LIMIT_BYTES } from './file-probe.ts';
import { notAFile } from './managed-file.ts';

export interface SlurpArgs {
  readonly src: string;
}

export interface SlurpWanted {
  readonly src: string;
}

export const slurp: HostModule<SlurpArgs, SlurpWanted, never> = {
  kind: 'host',
  name: 'slurp',
  summary: "Reads a file of the host's into the result, as base64.",
  returns: { content: 'The file in base64.', encoding: 'base64', source: 'Path of the file.' },
  schema: {
    type: 'object',
    properties: {
      src: {
        aliases: ['path'],
        description: `Absolute path of the file on the host; at most ${CONTENT_LIMIT_BYTES / 1024} KiB are read.`,
        type: 'string',
        minLength: 1,
      },
    },
    required: ['src'],
    additionalProperties: false,
  },
  prepare: (args) => ({ src: absoluteFilePath('src', args.src) }),
  reads: ({ src }) => [`file:${src}`],
  writes: () => [],
  inspect: ({ src }) => ({ files: [{ path: src, follow: 'target', depth: 'content' }] }),
  decide({ src }, actual) {
    const state = actual.files.get(src) ?? { kind: 'absent' };
    if (state.kind === 'absent') return { kind: 'failed', message: `${src} does not exist` };
    if (state.kind !== 'file') return notAFile(src, state);
    if (state.content === undefined) {
      return {
        kind: 'failed',
        message: `${src} is larger than ${CONTENT_LIMIT_BYTES / 1024} KiB, or changed while it was read`,
      };
    }
    const content = Buffer.from(state.content).toString('base64');
    return { kind: 'unchanged', fields: { content, encoding: 'base64', source: src } };
  },
  change: () => ({ script: '' }),
};
