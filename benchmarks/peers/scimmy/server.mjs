// The peer scimmy-routers with its resources in memory. Prints its port; ends with standard input.
//
// The library leaves storage to its handlers. These find a resource by its id, userName or externalId in a
// Map, so that what is measured is the library and no search of ours. With PAGES=1 the list of users is cut to
// the page by the handler, which takes a property (totalResults) that the library reads but does not document
// for handlers; otherwise the handler returns every resource that fits, and the library cuts.

import { randomUUID } from "node:crypto";
import express from "express";
import SCIMMY from "scimmy";
import SCIMMYRouters from "scimmy-routers";

const TOKEN = process.env.PEER_TOKEN;
const PAGES = process.env.PAGES === "1";

class Collection {
    #byId = new Map();
    #indexes;

    /** @param {string[]} indexed - attributes that filters look resources up by */
    constructor(indexed) {
        this.#indexes = new Map(indexed.map((name) => [name, new Map()]));
    }

    write(id, data) {
        const before = id ? this.get(id) : undefined;
        const now = new Date().toISOString();
        const resource = {
            ...JSON.parse(JSON.stringify(data)),
            id: id ?? randomUUID(),
            meta: { created: before?.meta.created ?? now, lastModified: now },
        };
        for (const [name, index] of this.#indexes) {
            const owner = index.get(key(resource[name]));
            if (name === "userName" && owner && owner !== resource.id)
                throw new SCIMMY.Types.Error(409, "uniqueness", "The userName is taken");
            if (before) index.delete(key(before[name]));
            if (resource[name] !== undefined) index.set(key(resource[name]), resource.id);
        }
        this.#byId.set(resource.id, resource);
        return resource;
    }

    get(id) {
        const resource = this.#byId.get(id);
        if (!resource) throw new SCIMMY.Types.Error(404, null, `Resource ${id} not found`);
        return resource;
    }

    remove(id) {
        const resource = this.get(id);
        for (const [name, index] of this.#indexes) index.delete(key(resource[name]));
        this.#byId.delete(id);
    }

    list(filter, constraints) {
        if (filter) return filter.match(this.#candidates(filter));
        const all = [...this.#byId.values()];
        if (!PAGES || !constraints) return all;
        const { startIndex = 1, count = 20 } = constraints;
        constraints.totalResults = all.length;
        return all.slice(startIndex - 1, startIndex - 1 + count);
    }

    /** What can satisfy a filter: one resource when it asks for an indexed value, else all. */
    #candidates(filter) {
        const [condition] = filter.length === 1 ? filter : [{}];
        for (const [name, [operator, value] = []] of Object.entries(condition)) {
            if (operator !== "eq") continue;
            const id = name === "id" ? value : this.#indexes.get(name)?.get(key(value));
            if (name === "id" || this.#indexes.has(name))
                return this.#byId.has(id) ? [this.#byId.get(id)] : [];
        }
        return [...this.#byId.values()];
    }
}

const key = (value) => String(value).toLowerCase();

function declare(type, collection) {
    SCIMMY.Resources.declare(type, {
        ingress: (resource, data) => collection.write(resource.id, data),
        egress: (resource) =>
            resource.id
                ? collection.get(resource.id)
                : collection.list(resource.filter, resource.constraints),
        degress: (resource) => collection.remove(resource.id),
    });
}

declare(SCIMMY.Resources.User, new Collection(["userName", "externalId"]));
declare(SCIMMY.Resources.Group, new Collection(["displayName"]));

const app = express();
app.use(
    "/scim/v2",
    new SCIMMYRouters({
        type: "bearer",
        handler: (request) => {
            if (request.header("Authorization") !== `Bearer ${TOKEN}`) throw new Error("Wrong token");
            return "benchmark";
        },
    }),
);
const server = app.listen(0, "127.0.0.1", () => console.log(`PORT ${server.address().port}`));
server.keepAliveTimeout = 60_000;
process.stdin.resume().on("end", () => process.exit());
