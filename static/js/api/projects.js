/** Projects, their categories and their members. */

/** @import {Http} from "./http.js" */
/** @import {Category, Role} from "../core/types.d.ts" */

/** The page's address of a project. @param {number} projectId */
export function projectUrl(projectId) {
    return `/projects/${projectId}/`;
}

/**
 * @param {Http} http
 * @param {{name: string, description: string}} fields
 * @returns {Promise<number>} the new project's id
 */
export async function createProject(http, fields) {
    return (await http.json("/api/projects/", {method: "POST", body: fields})).id;
}

/**
 * @param {Http} http
 * @param {number} projectId
 * @param {{name?: string, description?: string, bundle?: string | null, overlap?: string}} fields bundle: a name, null for the
 *   default one
 */
export async function updateProject(http, projectId, fields) {
    await http.json(`/api/projects/${projectId}/`, {method: "PATCH", body: fields});
}

/**
 * @param {Http} http
 * @param {number} projectId
 */
export async function deleteProject(http, projectId) {
    await http.json(`/api/projects/${projectId}/`, {method: "DELETE"});
}

/**
 * @param {Http} http
 * @param {number} projectId
 * @param {{[name: string]: string | number}} fields name, supercategory; without a color, the server picks a free one
 * @returns {Promise<Category>}
 */
export async function createCategory(http, projectId, fields) {
    const url = `/api/projects/${projectId}/categories/`;
    const {id, name, color, supercategory} = await http.json(url, {method: "POST", body: fields});
    return {id, name, color, supercategory};
}

/**
 * Adds a list of categories, all of them or none.
 *
 * @param {Http} http
 * @param {number} projectId
 * @param {readonly {name: string, supercategory: string}[]} categories
 * @returns {Promise<{created: number, leftOut: string[]}>} leftOut: the names that the project has already
 */
export async function addCategoryList(http, projectId, categories) {
    const url = `/api/projects/${projectId}/categories/list/`;
    const answer = await http.json(url, {method: "POST", body: {categories}});
    return {created: answer.created.length, leftOut: answer.left_out};
}

/**
 * @param {Http} http
 * @param {number} categoryId
 * @param {{name?: string, color?: string, supercategory?: string, position?: number}} fields
 */
export async function updateCategory(http, categoryId, fields) {
    await http.json(`/api/categories/${categoryId}/`, {method: "PATCH", body: fields});
}

/**
 * @param {Http} http
 * @param {number} categoryId
 * @param {number | null} moveTo the category that its masks get; null: it must have none
 */
export async function deleteCategory(http, categoryId, moveTo) {
    const query = moveTo === null ? "" : `?move_to=${moveTo}`;
    await http.json(`/api/categories/${categoryId}/${query}`, {method: "DELETE"});
}

/**
 * @param {Http} http
 * @param {number} projectId
 * @param {{username: string, role: Role}} fields
 */
export async function addMember(http, projectId, fields) {
    await http.json(`/api/projects/${projectId}/members/`, {method: "POST", body: fields});
}

/**
 * @param {Http} http
 * @param {number} memberId
 * @param {Role} role
 */
export async function changeRole(http, memberId, role) {
    await http.json(`/api/members/${memberId}/`, {method: "PATCH", body: {role}});
}

/**
 * @param {Http} http
 * @param {number} memberId
 */
export async function removeMember(http, memberId) {
    await http.json(`/api/members/${memberId}/`, {method: "DELETE"});
}
