import assert from "node:assert/strict";
import test from "node:test";

import {AnnotationDocument, inverse} from "../../static/js/core/annotation-document.js";
import {History} from "../../static/js/core/history.js";

const annotation = (id, categoryId = 1, createdAt = id) => ({id, categoryId, createdAt});
const created = (...rows) => ({created: rows, updated: [], deleted: []});

test("a change set and its inverse leave the document as it was", () => {
    const document = new AnnotationDocument();
    document.apply(created(annotation("a"), annotation("b"), annotation("c")));
    const before = document.annotations;
    const changes = {
        created: [annotation("d")],
        updated: [{before: annotation("a"), after: annotation("a", 2)}],
        deleted: [annotation("b")],
    };
    document.apply(changes);
    assert.deepEqual(
        document.annotations.map(({id, categoryId}) => `${id}${categoryId}`),
        ["a2", "c1", "d1"],
    );
    document.apply(inverse(changes));
    assert.deepEqual(document.annotations, before);
});

test("a deleted annotation that comes back stands where it stood", () => {
    const document = new AnnotationDocument();
    document.apply(created(annotation("x", 1, "10:00"), annotation("y", 1, "10:01")));
    document.apply({created: [], updated: [], deleted: [annotation("x", 1, "10:00")]});
    document.apply(created(annotation("x", 1, "10:00")));
    assert.deepEqual(
        document.annotations.map(({id}) => id),
        ["x", "y"],
    );
});

test("changes that do not fit change nothing", () => {
    const document = new AnnotationDocument();
    document.apply(created(annotation("a")));
    assert.throws(() =>
        document.apply({created: [annotation("b")], updated: [], deleted: [annotation("z")]}),
    );
    assert.throws(() => document.apply(created(annotation("a"))));
    assert.deepEqual(
        document.annotations.map(({id}) => id),
        ["a"],
    );
});

test("listeners hear what changed and who changed it", () => {
    const document = new AnnotationDocument();
    const heard = [];
    document.subscribe((changes, origin) => heard.push([changes.created.map(({id}) => id), origin]));
    document.apply(created(annotation("a")));
    document.apply(created(annotation("b")), "server");
    assert.deepEqual(heard, [
        [["a"], "user"],
        [["b"], "server"],
    ]);
});

test("history goes back and forth, and a new entry ends what could be redone", () => {
    const history = new History();
    assert.equal(history.undo(), null);
    history.push("a");
    history.push("b");
    assert.equal(history.undo(), "b");
    assert.equal(history.undo(), "a");
    assert.equal(history.undo(), null);
    assert.equal(history.redo(), "a");
    history.push("c");
    assert.equal(history.redo(), null);
    assert.equal(history.undo(), "c");
    assert.equal(history.undo(), "a");
});
