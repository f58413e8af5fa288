// A file made from a template: rendered on the controller, then managed as copy manages its content.
import { Buffer } from 'node:buffer';
import type { HostModule } from '../module.ts';
import { touchesNetworkFile } from '../network-touch.ts';
import {
  changeManagedFile,
  decideManagedFile,
  inspectManagedFile,
  landingFile,
  MANAGED_FILE_PROPERTIES,
  type ManagedFile,
  type ManagedFileArgs,
  type ManagedFileChanges,
  managedFile,
  WRITTEN_RETURNS,
} from './managed-file.ts';

export interface TemplateArgs extends ManagedFileArgs {
  readonly src: string;
}

export const template: HostModule<TemplateArgs, ManagedFile, ManagedFileChanges> = {
  kind: 'host',
  name: 'template',
  summary: 'Renders a template and puts the result on the host.',
  touchesNetwork: touchesNetworkFile,
  returns: WRITTEN_RETURNS,
  schema: {
    type: 'object',
    properties: {
      src: {
        template: true,
        description: 'Template in the templates folder of the role or beside the playbook.',
        type: 'string',
        minLength: 1,
      },
      ...MANAGED_FILE_PROPERTIES,
    },
    required: ['src', 'dest'],
    additionalProperties: false,
  },
  prepare(args, controller) {
    const bytes = Buffer.from(controller.renderFile(args.src), 'utf8');
    const name = args.src.replace(/\.(hbs|handlebars)$/, '');
    return managedFile(args, { bytes, name }, controller);
  },
  files: (wanted) => [landingFile(wanted)],
  reads: (wanted) => [`file:${wanted.dest}`],
  writes: (wanted) => [`file:${wanted.dest}`],
  inspect: inspectManagedFile,
  decide: decideManagedFile,
  change: changeManagedFile,
};
